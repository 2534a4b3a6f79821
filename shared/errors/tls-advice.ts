const ADVICE: readonly (readonly [codes: RegExp, advice: (server: 'kafka' | 'redis') => string])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_SIGNATURE_FAILURE)$/,
    (server) => `the server’s certificate is signed by an authority that is not trusted here; name the authority’s PEM file with --${server}-ca`,
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, () => 'the server’s certificate is for another host; use the name or address that is in the certificate, or have it made anew'],
  [/^CERT_HAS_EXPIRED$/, () => 'the server’s certificate has expired; renew it (or set this machine’s clock)'],
  [/^CERT_NOT_YET_VALID$/, () => 'the server’s certificate is not valid yet; look at this machine’s clock'],
  [
    /^ERR_SSL_.*(ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)|CERTIFICATE_REQUIRED)/,
    (server) => `the server does not accept this client’s certificate; give one that it trusts with --${server}-cert and --${server}-key`,
  ],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, (server) => `the server does not speak TLS at this port; use its TLS port, or switch TLS off (${server === 'kafka' ? '--kafka-tls off' : 'redis://'})`],
  // Not a connection that broke off.
  [/^(ERR_SSL_(?!UNEXPECTED_EOF)|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|HOSTNAME_MISMATCH)/, (server) => `no safe connection could be agreed on; look at the certificate settings (--${server}-ca, --${server}-cert, --${server}-key)`],
];

/** What to do about an error of TLS, whatever it is wrapped in; undefined where it is not one. */
export function tlsAdvice(server: 'kafka' | 'redis', error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    const { code, cause, originalError } = current as { code?: unknown; cause?: unknown; originalError?: unknown };
    const [, advice] = (typeof code === 'string' && ADVICE.find(([codes]) => codes.test(code))) || [];
    if (advice !== undefined) return `${advice(server)} (${String(code)})`;
    current = cause ?? originalError;
  }
  return undefined;
}

// Exits 0 while the process in this container answers on /healthz.
const port = process.env.TANDEM_HTTP_PORT ?? '9464';
const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
process.exitCode = response?.ok ? 0 : 1;

/** An ONNX Runtime execution provider by name, or with its options, for example `{ name: 'cuda', deviceId: 0 }`. */
export type ProviderConfig = string | ({ name: string } & Record<string, unknown>);

export function providerName(provider: ProviderConfig): string {
  return typeof provider === 'string' ? provider : provider.name;
}

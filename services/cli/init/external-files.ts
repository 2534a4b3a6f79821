/**
 * The files beside a model in which its constants lie (ONNX external data), each once. An ONNX file is a protobuf message: of it, only
 * what leads there is read. Source of the numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export function externalFiles(model: Uint8Array): string[] {
  const files = new Set<string>();
  for (const graph of fieldsOf(model, MODEL.graph)) {
    for (const initializer of fieldsOf(graph, GRAPH.initializer)) {
      for (const entry of fieldsOf(initializer, TENSOR.externalData)) {
        const [key, value] = [ENTRY.key, ENTRY.value].map((number) => text.decode([...fieldsOf(entry, number)][0]));
        if (key === 'location' && value !== undefined) files.add(value);
      }
    }
  }
  return [...files];
}

const MODEL = { graph: 7 };
const GRAPH = { initializer: 5 };
const TENSOR = { externalData: 13 };
const ENTRY = { key: 1, value: 2 };
/** How a field lies in a message. */
const WIRE = { varint: 0, eightBytes: 1, bytes: 2, fourBytes: 5 };
const text = new TextDecoder();

/** The fields of a message that have this number and are bytes. Of what is no protobuf: as far as it looks like one. */
function* fieldsOf(message: Uint8Array, wanted: number): Generator<Uint8Array> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === WIRE.varint) varint();
    else if (wire === WIRE.eightBytes) at += 8;
    else if (wire === WIRE.fourBytes) at += 4;
    else if (wire !== WIRE.bytes) return;
    else {
      const length = varint();
      if (number === wanted) yield message.subarray(at, at + length);
      at += length;
    }
  }
}

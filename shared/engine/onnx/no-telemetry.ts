/**
 * For its effect, before the runtime is imported: ONNX Runtime 1.30 gives the machine an id, writes down what is loaded and run, and sends that to
 * its maker, unless told otherwise. It looks at the process' environment, of which threads have a copy only. Whoever wants it sets the variable to 0.
 */
// eslint-disable-next-line no-restricted-syntax -- no setting of ours: it is handed on to the runtime
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** Calls it in the next turn of the event loop, once however often it has been asked for. */
export function onceATurn(callback: () => void): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      callback();
    });
  };
}

// The connection to the gateway: events once a second, questions, and actions.

const KEY = 'tandem-credential';
const RETRY_MS = 1_000;
/** An event comes each second: after so long without one the connection is as good as lost. */
const SILENCE_MS = 4_000;

export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Kept for this tab only. @param {string} credential */
export function signIn(credential) {
  sessionStorage.setItem(KEY, credential);
}

/** @returns {Record<string, string>} */
function headers() {
  const credential = sessionStorage.getItem(KEY);
  return credential === null ? {} : { authorization: `Bearer ${credential}` };
}

/** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
export async function call(path, body) {
  const init = body === undefined ? { headers: headers() } : { method: 'POST', headers: { ...headers(), 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, init);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/** @param {Response} response */
async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  return new Refused(response.status, problem.detail ?? `${response.status} ${response.statusText}`);
}

/**
 * Follows the gateway's events for as long as the page is open. By fetch, since an EventSource cannot carry a credential.
 * @param {{ onEvent: (name: string, data: any) => void, onLost: (message: string, status: number | undefined) => void }} listener
 * @returns {() => void} connects anew at once
 */
export function follow({ onEvent, onLost }) {
  let abort = new AbortController();
  const again = () => abort.abort();
  void (async () => {
    for (;;) {
      abort = new AbortController();
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let silence;
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(again, SILENCE_MS);
      };
      try {
        heard();
        const response = await fetch('/dashboard/events', { headers: headers(), signal: abort.signal, cache: 'no-store' });
        if (!response.ok || response.body === null) throw await refusal(response);
        await read(response.body, (name, data) => {
          heard();
          onEvent(name, data);
        });
        onLost('The gateway has closed the connection.', undefined);
      } catch (error) {
        onLost(error instanceof Refused ? error.message : 'The gateway does not answer.', error instanceof Refused ? error.status : undefined);
      }
      clearTimeout(silence);
      abort.abort();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  })();
  return again;
}

/** @param {ReadableStream<Uint8Array>} body @param {(name: string, data: any) => void} onEvent */
async function read(body, onEvent) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (/** @type {string} */ name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
      if (field('data') !== '') onEvent(field('event'), JSON.parse(field('data')));
    }
  }
}

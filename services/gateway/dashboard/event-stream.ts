import type { ServerResponse } from 'node:http';
import { FairSeats } from '../limits/fair-seats.ts';

const MOST_LISTENERS = 64;

/** Server-sent events to those who look on: each event is written once and sent to all; who does not keep up misses some. */
export class EventStream {
  readonly #listeners = new Set<ServerResponse>();
  readonly #seats = new FairSeats(MOST_LISTENERS);

  /** @returns false: there is no place, and nothing was done. One of a tenant that has many is cut off for one that has few. */
  takePlace(response: ServerResponse, tenant: string | undefined): boolean {
    const leave = this.#seats.take(tenant, () => response.destroy());
    if (leave !== undefined) response.once('close', leave);
    return leave !== undefined;
  }

  add(response: ServerResponse): void {
    this.#listeners.add(response);
    response.once('close', () => this.#listeners.delete(response));
    // Whoever went away is gone with it.
    response.on('error', () => this.#listeners.delete(response));
  }

  send(event: string, data: unknown): void {
    if (this.#listeners.size === 0) return;
    const text = eventText(event, data);
    for (const listener of this.#listeners) if (!listener.writableNeedDrain) listener.write(text);
  }

  close(): void {
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}

export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

import { readFile } from 'node:fs/promises';
import type { NetworkUse } from '@tandem/schemas';

/** Of the network namespace, so a container's own. */
const FILE = '/proc/net/dev';
/** ` eth0: received bytes, seven more, sent bytes …` */
const INTERFACE = /^ *([^:\s]+): *(\d+)(?: +\d+){7} +(\d+)/gm;
const LOOPBACK = 'lo';

interface Counted {
  at: number;
  received: number;
  sent: number;
}

/** What goes through a machine's interfaces, by Linux' counters; elsewhere unknown. */
export class NetworkCounters {
  readonly #file: string;
  #last: Counted | undefined;

  constructor(file = FILE) {
    this.#file = file;
  }

  /** Since the last call; undefined: unknown, the first, or an interface went or began anew. @param now ms */
  async use(now: number): Promise<NetworkUse | undefined> {
    const text = await readFile(this.#file, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const counted = countedIn(text, now);
    const last = this.#last;
    this.#last = counted;
    if (last === undefined || now <= last.at || counted.received < last.received || counted.sent < last.sent) return undefined;
    const perSecond = (bytes: number) => (bytes * 1_000) / (now - last.at);
    return { receivedPerSecond: perSecond(counted.received - last.received), sentPerSecond: perSecond(counted.sent - last.sent) };
  }
}

function countedIn(text: string, at: number): Counted {
  const counted = { at, received: 0, sent: 0 };
  for (const [, name, received, sent] of text.matchAll(INTERFACE)) {
    if (name === LOOPBACK) continue;
    counted.received += Number(received);
    counted.sent += Number(sent);
  }
  return counted;
}

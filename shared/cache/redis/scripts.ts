import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

/** What the Lua scripts beside this file add to a client; each documents its KEYS and ARGV. */
export interface ScriptedRedis extends Redis {
  tandemAppend(listKey: string, metaKey: string, entry: string, limit: number, source: string, offset: number, ttlMs: number): Promise<0 | 1>;
  tandemList(listKey: string, metaKey: string): Promise<[total: number, count: number, joined: string]>;
  tandemIncrement(key: string, ttlMs: number): Promise<number>;
  tandemSetOwned(key: string, ownerKey: string, value: string, ttlMs: number, kept: number, ownerTtlMs: number): Promise<number>;
  tandemDeleteOwned(ownerKey: string): Promise<number>;
  tandemSetIfAbsent(key: string, value: string, ttlMs: number): Promise<string>;
}

export function withScripts(redis: Redis): ScriptedRedis {
  redis.defineCommand('tandemAppend', { numberOfKeys: 2, lua: source('append.lua') });
  redis.defineCommand('tandemList', { numberOfKeys: 2, lua: source('list.lua') });
  redis.defineCommand('tandemIncrement', { numberOfKeys: 1, lua: source('increment.lua') });
  redis.defineCommand('tandemSetOwned', { numberOfKeys: 2, lua: source('set-owned.lua') });
  redis.defineCommand('tandemDeleteOwned', { numberOfKeys: 1, lua: source('delete-owned.lua') });
  redis.defineCommand('tandemSetIfAbsent', { numberOfKeys: 1, lua: source('set-if-absent.lua') });
  return redis as ScriptedRedis;
}

function source(file: string): string {
  return readFileSync(join(import.meta.dirname, file), 'utf8');
}

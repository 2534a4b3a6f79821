import { Kafka } from 'kafkajs';
import { mendCoordinatorDenials } from './coordinator-denials.ts';
import { mendCoordinatorLookup } from './coordinator.ts';
import { createLogWriter, kafkaLogLevel } from './logging.ts';
import { oauthBearer } from './oauth-bearer.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { mendRequestQueue } from './request-queue.ts';
import type { Sockets } from './sockets.ts';

/** kafkajs' own retries are short: the endless ones are ours, and end when we close. */
const RETRY = { initialRetryTime: 50, multiplier: 2, factor: 0.2, maxRetryTime: 1_000, retries: 4 };

/** A kafkajs client with our settings. Connects when something is done with it. */
export function createClient(options: ResolvedKafkaLogOptions, sockets: Sockets): Kafka {
  mendRequestQueue();
  mendCoordinatorLookup();
  mendCoordinatorDenials();
  return new Kafka({
    brokers: options.brokers,
    clientId: options.clientId,
    ssl: options.ssl,
    ...(options.sasl && { sasl: options.sasl.mechanism === 'oauthbearer' ? oauthBearer(options.sasl) : options.sasl }),
    connectionTimeout: options.connectionTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    retry: RETRY,
    socketFactory: sockets.create,
    logLevel: kafkaLogLevel(options.logger),
    logCreator: createLogWriter(options.logger),
  });
}

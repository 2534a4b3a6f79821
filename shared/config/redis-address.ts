import { Secret } from './secret.ts';

interface RedisSettings {
  redis?: string | undefined;
  redisUsername?: string | undefined;
  redisPassword?: Secret | undefined;
}

export interface AddressCredentials {
  username?: string;
  password?: Secret;
}

/** User and password that an address carries. */
export function credentialsIn(address: string): AddressCredentials {
  const { username, password } = new URL(address);
  return {
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: new Secret(decoded(password)) }),
  };
}

/** So that whoever prints the address, or passes it on, gives nothing away. */
export function separateCredentials<Settings extends RedisSettings>(settings: Settings): Settings {
  if (settings.redis === undefined) return settings;
  const { username, password } = credentialsIn(settings.redis);
  if (username === undefined && password === undefined) return settings;
  const address = new URL(settings.redis);
  address.username = '';
  address.password = '';
  return {
    ...settings,
    redis: address.href,
    ...(username === undefined ? {} : { redisUsername: username }),
    ...(password === undefined ? {} : { redisPassword: password }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Numbers as people read them: never more digits than mean something.

/** @param {number} value */
export function count(value) {
  return Math.round(value).toLocaleString('en-US');
}

/** @param {number} value per second */
export function rate(value) {
  if (value === 0) return '0';
  if (value < 0.1) return '< 0.1';
  return value < 10 ? value.toFixed(1) : count(value);
}

/** @param {number} ms */
export function milliseconds(ms) {
  const { value, unit } = timeParts(ms);
  return `${value} ${unit}`;
}

/** @param {number} ms */
export function timeParts(ms) {
  if (ms >= 60_000) return { value: (ms / 60_000).toFixed(1), unit: 'min' };
  if (ms >= 1_000) return { value: (ms / 1_000).toFixed(ms < 10_000 ? 1 : 0), unit: 's' };
  if (ms >= 10) return { value: ms.toFixed(0), unit: 'ms' };
  if (ms >= 1) return { value: ms.toFixed(1).replace(/\.0$/, ''), unit: 'ms' };
  return { value: ms === 0 ? '0' : ms.toFixed(2), unit: 'ms' };
}

/** Of an answer: the broker's times are whole milliseconds. @param {number} ms */
export function latency(ms) {
  return ms < 1 ? '< 1 ms' : milliseconds(Math.round(ms));
}

/** @param {number} share 0..1, less than 0 for what is lost */
export function percent(share) {
  const value = share > -0.0005 && share < 0 ? 0 : share * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  if (value < 100 && value > 99.9) return '> 99.9 %';
  return value === 0 || value === 100 || (value >= 10 && value < 95) ? `${value.toFixed(0)} %` : `${value.toFixed(1)} %`;
}

/** @param {number} bytes */
export function bytes(bytes) {
  return bytes >= 1_073_741_824 ? `${(bytes / 1_073_741_824).toFixed(1)} GiB` : bytes >= 1_048_576 ? `${count(bytes / 1_048_576)} MiB` : bytes >= 1_024 ? `${count(bytes / 1_024)} KiB` : plural(bytes, 'byte');
}

/** @param {number} time epoch ms */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

/** @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Status and reason codes as words. @param {string} code */
export function words(code) {
  return code.replaceAll('_', ' ');
}

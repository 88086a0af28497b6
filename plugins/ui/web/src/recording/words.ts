// Sizes and lengths of recordings as text.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** A size: 812 bytes, 1.4 MB. */
export function bytes(size: number): string {
  let value = size;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit && value < 99.5 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]!}`;
}

/** A length: 0:04.2, 12:30, 1:02:30. */
export function duration(seconds: number): string {
  const tenths = Math.floor(Math.max(0, seconds) * 10);
  const whole = Math.floor(tenths / 10);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  const text = `${minutes}:${two(whole % 60)}`;
  return minutes < 10 ? `${text}.${tenths % 10}` : text;
}

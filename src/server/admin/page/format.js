// Numbers and times as people read them, always with their unit. A no-break space stands between
// the two.

const NB = "\u00a0";
const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number);

export const some = (number, one, many) => `${count(number)}${NB}${number === 1 ? one : many}`;

export function percent(share) {
  const value = share * 100;
  if (value === 0) return `0${NB}%`;
  if (value < 0.01) return `<0.01${NB}%`;
  if (value > 99.9 && value < 100) return `>99.9${NB}%`;
  const digits = value < 1 ? 2 : value < 10 || (value > 99 && value < 100) ? 1 : 0;
  return `${Number(value.toFixed(digits))}${NB}%`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, seconds);
  if (s > 0 && s < 0.001) return `<1${NB}ms`;
  if (s < 0.0995) return `${Math.round(s * 1000)}${NB}ms`;
  if (s < 9.95) return `${s.toFixed(1)}${NB}s`;
  if (s < 59.5) return `${Math.round(s)}${NB}s`;
  return large(Math.round(s));
}

// Two units at most: the second says enough.
function large(s) {
  const pick = (big, bigWord, small, smallWord) => {
    const first = Math.floor(s / big);
    const second = Math.floor((s % big) / small);
    return `${first}${NB}${bigWord}` + (second ? ` ${second}${NB}${smallWord}` : "");
  };
  if (s < 3600) return pick(60, "min", 1, "s");
  if (s < 86400) return pick(3600, "h", 60, "min");
  return pick(86400, "d", 3600, "h");
}

export function ago(seconds) {
  return seconds < 1 ? "just now" : `${duration(Math.floor(seconds)).replace(".0", "")} ago`;
}

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = number;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2;
  return `${Number(value.toFixed(digits))}${NB}${units[unit]}`;
}

export const rate = (number) => (number === null || number === undefined ? "–" : `${bytes(Math.round(number))}/s`);

const clocks = {
  minutes: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }),
  seconds: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }),
};

const date = (seconds) => new Date(seconds * 1000);

export const minute = (seconds) => clocks.minutes.format(date(seconds));
export const clock = (seconds) => clocks.seconds.format(date(seconds));
export const iso = (seconds) => date(seconds).toISOString();

// The time alone when it is of the last twelve hours, with its day otherwise.
export const moment = (seconds, now) =>
  now - seconds < 43200 ? clock(seconds) : clocks.day.format(date(seconds));

export const zone = () =>
  `Times are those of this browser (${Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"}).`;

// The words of metrics and records, for reading.
export const words = (word) => (word ?? "").replaceAll("_", " ");

const FAULTS = {
  client: "the client",
  network: "the network in front",
  gateway: "this gateway",
  upstream: "Harbor",
  none: "nobody",
};

export const fault = (word) => FAULTS[word] ?? words(word);

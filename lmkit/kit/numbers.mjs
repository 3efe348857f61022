// Numbers as a reader meets them: three digits, thin spaces, a share in percent.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Three significant digits: 0.0171, 8.30, and 1.24 × 10⁻⁸ where a decimal would hide it.
 * @param {number} x
 */
export function number(x, digits = 3) {
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "not a number";
  const size = Math.abs(x);
  if (size < 1e-3 || size >= 1e6) return scientific(x, digits);
  const whole = size >= 10 ** (digits - 1);
  return thousands(whole ? x.toFixed(0) : x.toPrecision(digits)).replace("-", "−");
}

/** 1.24 × 10⁻⁸ @param {number} x */
export function scientific(x, digits = 3) {
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  const power = String(Math.abs(Number(exponent))).replace(/\d/g, (d) => SUPERSCRIPTS[Number(d)]);
  return `${mantissa.replace("-", "−")} × 10${Number(exponent) < 0 ? "⁻" : ""}${power}`;
}

/**
 * exp(log) in the same style, also where the number itself would underflow to zero.
 * @param {number} log
 */
export function scientificFromLog(log, digits = 3) {
  if (log > -690) return number(Math.exp(log), digits);
  const log10 = log / Math.LN10;
  const exponent = Math.floor(log10);
  const mantissa = (10 ** (log10 - exponent)).toFixed(digits - 1);
  return `${mantissa} × 10⁻${String(-exponent).replace(/\d/g, (d) => SUPERSCRIPTS[Number(d)])}`;
}

/** A share of one: 99.5 %, 0.0062 %, and 100 % only where it is exactly one. @param {number} p */
export function percent(p) {
  if (p === 0) return "0 %";
  if (p >= 1) return "100 %";
  if (p > 0.9995) return "> 99.9 %";
  return p < 1e-5 ? `${scientific(100 * p, 2)} %` : `${(100 * p).toPrecision(3)} %`;
}

/** Thin spaces between thousands; from five digits on, as books do. @param {string} text */
export function thousands(text) {
  const [whole, rest] = text.split(".");
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") : whole;
  return rest === undefined ? spaced : `${spaced}.${rest}`;
}

/** Surprise in bits of something that had this probability: −log₂ p. @param {number} p */
export const bits = (p) => -Math.log2(p);

// The words of the vocabulary on double-double numbers [hi, lo]: twice the digits of a float.
"use strict";
const words = (() => {
  const split = (a) => { const c = 134217729 * a, h = c - (c - a); return [h, a - h]; };
  const quick = (a, b) => { const s = a + b; return [s, b - (s - a)]; };
  const twoSum = (a, b) => { const s = a + b, t = s - a; return [s, a - (s - t) + (b - t)]; };
  const twoProduct = (a, b) => {
    const p = a * b;
    if (!(Math.abs(a) < 1e290 && Math.abs(b) < 1e290 && Math.abs(p) > 1e-270)) return [p, 0];
    const [ah, al] = split(a), [bh, bl] = split(b);
    return [p, ah * bh - p + ah * bl + al * bh + al * bl];
  };
  const number = (a) => [a, 0];
  const literal = (hi, lo) => [hi, lo];
  const zero = [0, 0], one = [1, 0], nan = [NaN, 0];
  const PI = [Math.PI, 1.2246467991473532e-16], LN2 = [Math.LN2, 2.3190468138462996e-17];
  const add = (u, v) => {
    const s = twoSum(u[0], v[0]);
    if (!Number.isFinite(s[0])) return number(u[0] + v[0]);
    const t = twoSum(u[1], v[1]), q = quick(s[0], s[1] + t[0]);
    return quick(q[0], q[1] + t[1]);
  };
  const negative = (u) => [-u[0], -u[1]];
  const subtract = (u, v) => add(u, negative(v));
  const multiply = (u, v) => {
    if (v === true) return u;
    if (v === false) return zero;
    if (v === null) return nan;
    const p = twoProduct(u[0], v[0]);
    if (!Number.isFinite(p[0]) || p[0] === 0) return number(p[0]);
    return quick(p[0], p[1] + (u[0] * v[1] + u[1] * v[0]));
  };
  const scale = (u, a) => [u[0] * a, u[1] * a]; // a is a power of 2
  const divide = (u, v) => {
    const q = u[0] / v[0];
    if (!Number.isFinite(q) || !Number.isFinite(v[0]) || q === 0) return number(q);
    const r = subtract(u, multiply(v, number(q))), q2 = r[0] / v[0];
    const r2 = subtract(r, multiply(v, number(q2)));
    return add(quick(q, q2), number(r2[0] / v[0]));
  };
  const reciprocal = (u) => divide(one, u);
  const power = (u, n) => { let p = u; for (let i = 1; i < n[0]; i++) p = multiply(p, u); return p; };
  const sqrt = (u) => {
    const r = Math.sqrt(u[0]);
    if (!(r > 0 && r < Infinity)) return number(r);
    const rest = subtract(u, multiply([r, 0], [r, 0]));
    return add([r, 0], number(rest[0] / (2 * r)));
  };
  // exp(u) − 1 for |u| < 0.4: the series at u/256, then (1 + s)² − 1 = 2s + s² eight times.
  const expm1Small = (u) => {
    const r = scale(u, 1 / 256);
    let term = r, sum = r;
    for (let n = 2; n < 13; n++) { term = divide(multiply(term, r), number(n)); sum = add(sum, term); }
    for (let i = 0; i < 8; i++) sum = add(scale(sum, 2), multiply(sum, sum));
    return sum;
  };
  const exp = (u) => {
    if (!(u[0] < 709.78)) return number(u[0] >= 709.78 ? Infinity : NaN);
    if (u[0] < -745.2) return zero;
    const k = Math.round(u[0] / Math.LN2), half = Math.trunc(k / 2);
    const e = add(one, expm1Small(subtract(u, multiply(LN2, number(k)))));
    return scale(scale(e, 2 ** half), 2 ** (k - half));
  };
  const expm1 = (u) => Math.abs(u[0]) < 0.4 ? expm1Small(u) : subtract(exp(u), one);
  const log1p = (u) => {
    let y = number(Math.log1p(u[0]));
    if (!Number.isFinite(y[0]) || u[0] === 0) return y[0] === 0 ? u : y;
    for (let i = 0; i < 2; i++) { const e = expm1(y); y = subtract(y, divide(subtract(e, u), add(one, e))); }
    return y;
  };
  const log = (u) => {
    if (u[0] > 0.5 && u[0] < 2) return log1p(subtract(u, one));
    let y = number(Math.log(u[0]));
    if (!Number.isFinite(y[0])) return y;
    for (let i = 0; i < 2; i++) y = add(y, subtract(multiply(u, exp(negative(y))), one));
    return y;
  };
  const tanh = (u) => {
    if (!(Math.abs(u[0]) < 300)) return number(Math.tanh(u[0]));
    const e = expm1(scale(u, 2));
    return divide(e, add(e, number(2)));
  };
  const sinh = (u) => {
    if (!(Math.abs(u[0]) < 700)) return number(Math.sinh(u[0]));
    const e = expm1(u);
    return scale(add(e, divide(e, add(e, one))), 0.5);
  };
  const cosh = (u) => {
    if (!(Math.abs(u[0]) < 700)) return number(Math.cosh(u[0]));
    const e = exp(u);
    return scale(add(e, reciprocal(e)), 0.5);
  };
  // sin and cos of u, by their series after u is reduced to |u| ≤ π/4.
  const wave = (u) => {
    if (!Number.isFinite(u[0])) return [nan, nan];
    const k = Math.round(u[0] / (Math.PI / 2));
    const r = subtract(u, multiply(scale(PI, 0.5), number(k))), square = negative(multiply(r, r));
    let s = r, c = one, st = r, ct = one;
    for (let n = 1; n < 16; n++) {
      ct = divide(multiply(ct, square), number((2 * n - 1) * 2 * n)); c = add(c, ct);
      st = divide(multiply(st, square), number(2 * n * (2 * n + 1))); s = add(s, st);
    }
    const turn = ((k % 4) + 4) % 4;
    if (turn === 1) return [c, negative(s)];
    if (turn === 2) return [negative(s), negative(c)];
    return turn === 3 ? [negative(c), s] : [s, c];
  };
  const sin = (u) => wave(u)[0], cos = (u) => wave(u)[1];
  const tan = (u) => { const [s, c] = wave(u); return divide(s, c); };
  const atan = (u) => {
    if (!Number.isFinite(u[0])) return u[0] > 0 ? scale(PI, 0.5) : u[0] < 0 ? scale(PI, -0.5) : nan;
    const y = number(Math.atan(u[0])), [s, c] = wave(y);
    const step = divide(subtract(multiply(u, c), s), add(c, multiply(u, s)));
    return add(y, step);
  };
  const asin = (u) => {
    if (!(Math.abs(u[0]) <= 1)) return nan;
    return atan(divide(u, sqrt(multiply(subtract(one, u), add(one, u)))));
  };
  const acos = (u) => {
    if (!(Math.abs(u[0]) <= 1)) return nan;
    return scale(atan(sqrt(divide(subtract(one, u), add(one, u)))), 2);
  };
  const erf = (u) => {
    if (!(Math.abs(u[0]) < 9)) return number(Math.sign(u[0]));
    const square = multiply(u, u);
    let term = u, sum = u;
    for (let n = 1; Math.abs(term[0]) > 1e-34 * Math.abs(sum[0]); n++) {
      term = divide(multiply(term, scale(square, 2)), number(2 * n + 1)); sum = add(sum, term);
    }
    return multiply(divide(number(2), sqrt(PI)), multiply(exp(negative(square)), sum));
  };
  const erfc = (u) => {
    if (!(u[0] > 2.5)) return subtract(one, erf(u));
    if (!(u[0] < 27.3)) return number(u[0] > 0 ? 0 : NaN);
    let f = u;
    for (let n = 200; n > 0; n--) f = add(u, divide(number(n / 2), f));
    return divide(exp(negative(multiply(u, u))), multiply(f, sqrt(PI)));
  };
  const comparable = (u, v) => !Number.isNaN(u[0]) && !Number.isNaN(v[0]);
  const above = (u, v) => !comparable(u, v) ? null : u[0] === v[0] ? u[1] > v[1] : u[0] > v[0];
  const not_above = (u, v) => { const holds = above(u, v); return holds === null ? null : !holds; };
  const where = (holds, u, v) => holds === null ? nan : holds ? u : v;
  const maximum = (u, v) => where(above(u, v), u, v), minimum = (u, v) => where(above(v, u), u, v);
  const sign = (u) => number(Math.sign(u[0]));
  const absolute = (u) => u[0] < 0 ? negative(u) : [Math.abs(u[0]), u[1]];
  const real_power = (u, v) => {
    if (!(u[0] >= 0)) return nan;
    if (u[0] === 0 || !Number.isFinite(u[0])) return number(Math.pow(u[0], v[0]));
    return exp(multiply(v, log(u)));
  };
  return {
    literal, number, add, subtract, multiply, divide, reciprocal, power, real_power, exp, expm1,
    log, log1p, sqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, erf, erfc, absolute,
    sign, maximum, minimum, where, above, not_above,
  };
})();
// The values of a program's nodes, then back from its outputs the gradient that each edge carries,
// and their sums at the nodes.
function run(program, inputs, parameters, dout) {
  const values = program.forward(inputs, parameters), sums = [], flows = [];
  program.outputs.forEach((node, i) => {
    sums[node] = sums[node] === undefined ? dout[i] : words.add(sums[node], dout[i]);
  });
  for (const [source, target, derivative] of program.edges) {
    const flow = sums[target] === undefined ? [0, 0] : words.multiply(sums[target], values[derivative]);
    flows.push(flow);
    sums[source] = sums[source] === undefined ? flow : words.add(sums[source], flow);
  }
  return { values, sums, flows };
}

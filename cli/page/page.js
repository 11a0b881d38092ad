"use strict";
const byId = (id) => document.getElementById(id);
const all = (query) => [...document.querySelectorAll(query)];
// A number in at most six digits, with a plain minus.
const shown = (value) => Number.isFinite(value) ? String(Number(value.toPrecision(6)))
  : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
const kind = (value) => !Number.isFinite(value) ? "undefined" : value > 0 ? "positive" : value < 0 ? "negative" : "zero";
const field = (name) => all("input[type=number]").find((input) => input.dataset.name === name);
const given = (name) => { const text = field(name).value.trim(); return text === "" ? NaN : Number(text); };
// A parameter that nobody has changed has all its digits.
function parameters() {
  const values = { ...page.parameters };
  for (const name of page.adjustable)
    if (given(name) !== Number(field(name).defaultValue)) values[name] = words.number(given(name));
  return values;
}
const inputs = () => page.inputs.map((name) => words.number(given(name)));
const gradients = () => page.outputs.map((name) => words.number(given("∂L/∂" + name)));
function write(element, value) {
  element.textContent = shown(value);
  element.dataset.exact = String(value);
  for (const name of ["positive", "negative", "zero", "undefined"]) element.classList.remove(name);
  if (!element.classList.contains("value")) element.classList.add(kind(value));
}
const first = (number) => number === undefined ? 0 : number[0];
function update() {
  const dout = gradients(), set = parameters(), state = run(program, inputs(), set, dout);
  for (const element of all("[data-value]")) write(element, first(state.values[element.dataset.value]));
  for (const element of all("[data-flow]")) write(element, first(state.flows[element.dataset.flow]));
  for (const element of all("[data-sum]")) write(element, first(state.sums[element.dataset.sum]));
  for (const element of all("[data-dout]")) write(element, dout[element.dataset.dout][0]);
  for (const element of all("[data-local]")) {
    const local = state.values[element.dataset.local];
    write(element, local === true ? 1 : local === false ? 0 : first(local));
  }
  steps.forEach((step, i) => {
    const y = state.values[program.outputs[0]];
    const slope = step.forward([inputs()[0], y], set)[step.outputs[0]];
    write(byId("step-" + i), words.multiply(dout[0], slope)[0]);
  });
  if (!page.ends) return;
  const slope = first(run(program, inputs(), set, [words.number(1)]).sums[0]);
  write(byId("slope"), slope);
  place(state, slope);
}
const SIZE = { width: 560, height: 320, left: 46, right: 12, top: 12, bottom: 30 };
let view = { low: -1, high: 1 };
const across = (x) => SIZE.left + (x - page.ends[0]) / (page.ends[1] - page.ends[0]) * (SIZE.width - SIZE.left - SIZE.right);
const up = (y) => SIZE.height - SIZE.bottom - (y - view.low) / (view.high - view.low) * (SIZE.height - SIZE.top - SIZE.bottom);
const step = (span) => { const power = 10 ** Math.floor(Math.log10(span / 6)); return [1, 2, 5, 10].find((d) => d * power >= span / 6) * power; };
function svg(name, attributes, content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (content !== undefined) element.textContent = content;
  return element;
}
// The line through points; it is cut where a point is not finite and where the curve jumps.
function line(points) {
  let path = "", open = false;
  points.forEach(([x, y], i) => {
    const jumps = i > 0 && page.breaks.some((at) => points[i - 1][0] <= at && at <= x) && Math.abs(y - points[i - 1][1]) > 0.04 * (view.high - view.low);
    open = open && Number.isFinite(y) && !jumps;
    if (Number.isFinite(y)) path += (open ? "L" : "M") + across(x).toFixed(1) + " " + up(y).toFixed(1);
    open = Number.isFinite(y);
  });
  return path;
}
function draw() {
  const [low, high] = page.ends, set = parameters(), values = [], slopes = [];
  const places = [...Array(241).keys()].map((i) => low + (high - low) * i / 240).concat(page.breaks.flatMap((x) => [x, x + 1e-9])).sort((a, b) => a - b);
  for (const x of places) {
    const state = run(program, [words.number(x)], set, [words.number(1)]);
    values.push([x, first(state.values[program.outputs[0]])]);
    slopes.push([x, first(state.sums[0])]);
  }
  const heights = [...values, ...slopes].map(([, y]) => y).filter((y) => Number.isFinite(y) && Math.abs(y) < 1e3);
  view = { low: Math.min(0, ...heights), high: Math.max(0.1, ...heights) };
  const room = (view.high - view.low) * 0.06;
  view = { low: view.low - room, high: view.high + room };
  const chart = byId("curve");
  chart.replaceChildren(svg("title", {}, chart.dataset.title));
  for (let t = step(high - low), i = Math.ceil(low / t); i * t <= high; i++) {
    chart.append(svg("path", { class: "grid", d: `M${across(i * t)} ${SIZE.top}V${SIZE.height - SIZE.bottom}` }));
    chart.append(svg("text", { x: across(i * t), y: SIZE.height - 10, "text-anchor": "middle" }, shown(i * t)));
  }
  for (let t = step(view.high - view.low), i = Math.ceil(view.low / t); i * t <= view.high; i++) {
    chart.append(svg("path", { class: "grid", d: `M${SIZE.left} ${up(i * t)}H${SIZE.width - SIZE.right}` }));
    chart.append(svg("text", { x: SIZE.left - 6, y: up(i * t) + 4, "text-anchor": "end" }, shown(i * t)));
  }
  chart.append(svg("path", { class: "slope-line", d: line(slopes) }), svg("path", { class: "value-line", d: line(values) }));
  ends(set, chart);
  chart.append(svg("path", { class: "tangent" }), svg("circle", { class: "slope-point", r: 5 }), svg("circle", { class: "point", r: 6 }));
}
// At a jump, an open circle for each limit and a closed one for the value.
function ends(set, chart) {
  const at = (x) => run(program, [words.number(x)], set, [words.number(1)]);
  const lines = { value: (state) => first(state.values[program.outputs[0]]), slope: (state) => first(state.sums[0]) };
  for (const x of page.breaks) for (const [name, height] of Object.entries(lines)) {
    const [left, here, right] = [x - 1e-9, x, x + 1e-9].map((near) => height(at(near)));
    if (!(Math.abs(right - left) > 0.04 * (view.high - view.low))) continue;
    for (const [kind, y] of [["open", left], ["open", right], ["closed", here]])
      chart.append(svg("circle", { class: `end ${kind} ${name}-end`, cx: across(x), cy: up(y), r: 4 }));
  }
}
// The point of the curve at x, the tangent there, and the point of the slope's curve.
function place(state, slope) {
  const x = inputs()[0][0], y = first(state.values[program.outputs[0]]), chart = byId("curve");
  const visible = x >= page.ends[0] && x <= page.ends[1] && Number.isFinite(y) && Number.isFinite(slope);
  for (const [query, height] of [[".point", y], [".slope-point", slope]]) {
    const dot = chart.querySelector(query);
    dot.setAttribute("cx", visible ? across(x) : -99);
    dot.setAttribute("cy", visible ? up(height) : -99);
  }
  const d = (page.ends[1] - page.ends[0]) / 10;
  chart.querySelector(".tangent").setAttribute("d", visible ? `M${across(x - d)} ${up(y - d * slope)}L${across(x + d)} ${up(y + d * slope)}` : "M0 0");
}
let waiting = false;
function changed(event) {
  const name = event.target.dataset.name;
  for (const twin of all("input")) if (twin !== event.target && twin.dataset.name === name && event.target.value !== "") twin.value = event.target.value;
  if (page.ends && page.adjustable.includes(name)) draw();
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; update(); });
}
document.querySelector("form").addEventListener("input", changed);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
if (page.ends) draw();
update();

// The figures: plotly is unpacked once the page is laid out, and each figure is drawn when it comes near the screen.
const bytes = id => Uint8Array.from(atob(document.getElementById(id).textContent.trim()), each => each.charCodeAt(0));
async function unpacked(id) {
  const stream = new DecompressionStream('gzip'), writer = stream.writable.getWriter();
  writer.write(bytes(id));
  writer.close();
  const reader = stream.readable.pipeThrough(new TextDecoderStream()).getReader(), parts = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  return parts.join('');
}
const colour = name => getComputedStyle(root).getPropertyValue(name).trim();
let printing = false;
const themed = () => {
  const [ink, line] = printing ? ['#000000', '#cccccc'] : [colour('--ink'), colour('--line')];
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
  return { ink, axis, base: { paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', 'font.color': ink } };
};
const axesOf = layout => Object.keys(layout).filter(key => /^[xy]axis\d*$/.test(key));
const themedLayout = layout => {
  const { ink, axis } = themed();
  const shown = { ...layout, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', font: { ...layout.font, color: ink } };
  for (const key of new Set(['xaxis', 'yaxis', ...axesOf(layout)])) shown[key] = { ...layout[key], ...axis };
  return shown;
};
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d'], toImageButtonOptions: { format: 'svg' } };
const retheme = () => document.querySelectorAll('.plot.ready').forEach(box => {
  const { base, axis } = themed();
  const change = { ...base };
  for (const key of axesOf(box.layout)) for (const [name, each] of Object.entries(axis)) change[`${key}.${name}`] = each;
  Plotly.relayout(box, change);
});
document.addEventListener('theme', retheme);

const faded = (box, group) => {
  if (!box.data) return;
  const opacity = box.data.map(trace => group === null || trace.legendgroup === group || trace.meta === 'context' ? 1 : 0.12);
  Plotly.restyle(box, { opacity });
};
const AXES = { step: 'training step', epoch: 'epoch', images: 'images seen' };
const PANELS_FROM = 7, PANELS_TO = 30;

function curves(box, data) {
  const state = { axis: 'step', panels: data.arms.length >= PANELS_FROM && data.arms.length <= PANELS_TO, seeds: new Set(), hidden: new Set() };
  const bands = () => state.panels || data.arms.length - state.hidden.size < PANELS_TO;
  const along = (arm, steps) => steps.map(step => step * (arm.scale[state.axis] ?? NaN));
  const tint = (hex, alpha) => `rgba(${[1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)).join(',')},${alpha})`;
  const traces = (arm, place) => {
    const x = along(arm, arm.step), group = arm.label, found = [];
    const on = { legendgroup: group, ...(place ? { xaxis: `x${place}`, yaxis: `y${place}` } : {}) };
    if (bands()) found.push({ ...on, x: x.concat([...x].reverse()), y: arm.high.concat([...arm.low].reverse()), mode: 'lines', fill: 'toself',
      fillcolor: tint(arm.colour, 0.16), line: { width: 0 }, hoverinfo: 'skip', showlegend: false });
    if (state.seeds.has(arm.label)) for (const seed of arm.seeds) found.push({ ...on, x: along(arm, seed.step), y: seed.y, mode: 'lines', showlegend: false,
      line: { color: arm.colour, width: 1, dash: seed.state ? 'dot' : 'solid' }, hovertemplate: `${group}, seed ${seed.seed}${seed.state ? ', ' + seed.state : ''}<br>%{x}: %{y:.4g}<extra></extra>` });
    found.push({ ...on, x, y: arm.mean, mode: 'lines', name: group, line: { color: arm.colour, width: 2.2, dash: place ? 'solid' : arm.dash }, customdata: arm.n,
      showlegend: !place, hovertemplate: `${group}<br>${AXES[state.axis]} %{x}: %{y:.4g}<br>%{customdata} seeds<extra></extra>` });
    return found;
  };
  const range = data.range ? { type: 'log', range: data.range, exponentformat: 'power' } : {};
  const draw = () => {
    const shown = data.arms.filter(arm => !state.hidden.has(arm.label));
    let all = [], layout = { margin: { l: 60, r: 12, t: 34, b: 48 }, font: { family: 'system-ui, sans-serif', size: 13 }, hovermode: 'closest' };
    if (state.panels) {
      const columns = Math.max(1, Math.min(4, Math.floor(box.clientWidth / 250), shown.length)), rows = Math.ceil(shown.length / columns);
      layout = { ...layout, height: 90 + 190 * rows, showlegend: false, grid: { rows, columns, pattern: 'independent', xgap: 0.06, ygap: 0.34 }, annotations: [], margin: { ...layout.margin, t: 30 } };
      shown.forEach((arm, index) => {
        const place = index + 1;
        for (const other of shown) if (other !== arm) all.push({ x: along(other, other.step), y: other.mean, mode: 'lines', line: { color: '#999999', width: 0.7 }, opacity: 0.45,
          hoverinfo: 'skip', showlegend: false, meta: 'context', xaxis: `x${place}`, yaxis: `y${place}` });
        all.push(...traces(arm, place));
        layout.annotations.push({ text: `<b>${arm.short}</b>`, showarrow: false, x: 0, y: 1, xanchor: 'left', yanchor: 'bottom', xref: `x${place === 1 ? '' : place} domain`, yref: `y${place === 1 ? '' : place} domain`, font: { size: 11 } });
        layout[`xaxis${place === 1 ? '' : place}`] = { nticks: 4, matches: place === 1 ? undefined : 'x', tickfont: { size: 10 }, title: { text: index + columns >= shown.length ? AXES[state.axis] : '', font: { size: 10 } } };
        layout[`yaxis${place === 1 ? '' : place}`] = { nticks: 5, matches: place === 1 ? undefined : 'y', tickfont: { size: 10 }, showticklabels: index % columns === 0, title: { text: index % columns === 0 ? data.axis : '', font: { size: 10 } }, ...range };
      });
    } else {
      layout = { ...layout, height: 460, legend: { orientation: 'h', yref: 'container', y: 0, yanchor: 'bottom', x: 0 }, xaxis: { title: { text: AXES[state.axis] } }, yaxis: { title: { text: data.axis }, ...range } };
      for (const arm of shown) all.push(...traces(arm, 0));
    }
    box.style.height = `${layout.height}px`;
    Plotly.react(box, all, themedLayout(layout), CONFIG);
  };
  const controls = document.createElement('div');
  controls.className = 'controls';
  const select = (label, options, chosen, change) => {
    const outer = document.createElement('label'), inner = document.createElement('select');
    for (const [key, text] of options) inner.add(new Option(text, key, false, key === chosen));
    inner.addEventListener('change', () => { change(inner.value); draw(); });
    outer.append(label + ' ', inner);
    controls.append(outer);
  };
  const known = Object.entries(AXES).filter(([key]) => data.arms.every(arm => key in arm.scale));
  select('Over', known, 'step', key => { state.axis = key; });
  select('Show', [['one', 'all arms in one plot'], ['panels', 'a plot for each arm']], state.panels ? 'panels' : 'one', key => { state.panels = key === 'panels'; });
  const seeds = document.createElement('button');
  seeds.type = 'button'; seeds.textContent = 'Single seeds'; seeds.setAttribute('aria-pressed', 'false');
  seeds.addEventListener('click', () => {
    const on = seeds.getAttribute('aria-pressed') === 'false';
    seeds.setAttribute('aria-pressed', String(on));
    state.seeds = new Set(on ? data.arms.map(arm => arm.label) : []);
    draw();
  });
  controls.append(seeds);
  const chooser = document.createElement('details'), summary = document.createElement('summary'), list = document.createElement('div');
  summary.textContent = `Choose among ${data.arms.length} arms`;
  list.className = 'arms';
  data.arms.forEach(arm => {
    const label = document.createElement('label'), box = document.createElement('input'), line = document.createElement('span'), name = document.createElement('span');
    box.type = 'checkbox'; box.checked = true; line.className = 'swatch'; line.style.borderTopColor = arm.colour;
    name.textContent = new DOMParser().parseFromString(arm.label, 'text/html').body.textContent;
    box.addEventListener('change', () => { box.checked ? state.hidden.delete(arm.label) : state.hidden.add(arm.label); draw(); });
    label.append(box, line, name);
    list.append(label);
  });
  chooser.append(summary, list);
  controls.append(chooser);
  box.before(controls);
  draw();
  box.on('plotly_click', event => {
    const group = event.points[0].data.legendgroup;
    if (!group) return;
    state.seeds.has(group) ? state.seeds.delete(group) : state.seeds.add(group);
    draw();
  });
  box.on('plotly_hover', event => { const group = event.points[0].data.legendgroup; if (group && !state.panels) faded(box, group); });
  box.on('plotly_unhover', () => { if (!state.panels) faded(box, null); });
}

async function drawFigures() {
  const boxes = [...document.querySelectorAll('.plot')];
  if (!boxes.length) return;
  const [library, content] = await Promise.all([unpacked('packed-plotly'), unpacked('packed-figures')]);
  const script = document.createElement('script');
  script.textContent = library;
  document.head.append(script);
  const all = JSON.parse(content);
  const draw = box => {
    if (box.classList.contains('ready')) return;
    const figure = all[box.dataset.figure];
    if (figure.curves) curves(box, figure.curves);
    else {
      // Plotly forgets a layout's height where the window changes its width, and then takes the box's.
      box.style.height = `${figure.layout.height || 440}px`;
      Plotly.newPlot(box, figure.data, themedLayout(figure.layout), CONFIG);
    }
    box.classList.add('ready');
  };
  const seen = new IntersectionObserver(entries => entries.forEach(entry => { if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); } }), { rootMargin: '600px' });
  boxes.forEach(box => seen.observe(box));
  const rest = [...boxes];
  const later = window.requestIdleCallback ?? (next => setTimeout(next, 50));
  const next = () => { const box = rest.shift(); if (box) { draw(box); later(next); } else root.dataset.figures = 'drawn'; };
  setTimeout(() => later(next), 300);
  addEventListener('beforeprint', () => { boxes.forEach(draw); printing = true; retheme(); });
  addEventListener('afterprint', () => { printing = false; retheme(); });
}
drawFigures();

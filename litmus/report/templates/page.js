// The page itself: dark and light, tables that sort. Without scripts all tables can still be read.
const root = document.documentElement;
const dark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches;
const themeButton = document.querySelector('button.theme');
const label = () => { themeButton.textContent = isDark() ? 'Light' : 'Dark'; themeButton.setAttribute('aria-label', isDark() ? 'Light colours' : 'Dark colours'); };
if (themeButton) {
  themeButton.hidden = false;
  label();
  themeButton.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; label(); document.dispatchEvent(new Event('theme')); });
  dark.addEventListener('change', () => { label(); document.dispatchEvent(new Event('theme')); });
}

const value = (row, index) => {
  const cell = row.children[index];
  const text = cell.textContent.trim();
  const number = parseFloat(text.replace(/,/g, '').replace('−', '-').replace(/^<\s/, '')) * ({ M: 1e6, G: 1e9 }[text.slice(-2).trim()] ?? 1);
  return /^[<+\-−\d.]/.test(text) && !Number.isNaN(number) ? number : text;
};
const compare = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b
  : typeof a === 'number' ? -1 : typeof b === 'number' ? 1 : a.localeCompare(b, undefined, { numeric: true });
for (const table of document.querySelectorAll('table.sortable')) {
  table.querySelectorAll('thead th').forEach((heading, index) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      const down = heading.getAttribute('aria-sort') === 'ascending';
      table.querySelectorAll('thead th').forEach(other => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = table.tBodies[0];
      const rows = [...body.rows].map(row => [value(row, index), row]);
      rows.sort((a, b) => (down ? -1 : 1) * compare(a[0], b[0]));
      body.append(...rows.map(each => each[1]));
    });
  });
}
// An explanation opens towards the middle of the page, so that it does not leave it.
for (const name of ['pointerenter', 'focusin']) document.querySelectorAll('[data-tip]').forEach(each => each.addEventListener(name, () => {
  each.classList.toggle('to-the-left', each.getBoundingClientRect().left > innerWidth / 2);
}));
document.querySelectorAll('button.copy').forEach(button => {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.from);
    try { await navigator.clipboard.writeText(text.textContent.trim()); button.textContent = 'Copied'; }
    catch { getSelection().selectAllChildren(text); }
  });
});

/** Line icons on a 24 px grid, in the colour of the text around them. */
const paths = {
  back: ['M15 5l-7 7 7 7'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  plus: ['M12 5v14', 'M5 12h14'],
  send: ['M4 5l17 7-17 7 3-7z', 'M7 12h6'],
  copy: ['M9 9h10v11H9z', 'M15 9V4H5v11h4'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  checks: ['M2.5 12.5L7 17l9.5-9.5', 'M12 16l1 1L22 7.5'],
  more: ['M5.5 12v.1', 'M12 12v.1', 'M18.5 12v.1'],
  info: ['M12 11v6', 'M12 7.5v.1', 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z'],
  gear: [
    'M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
    'M10.2 5.6L10.4 3.1L13.6 3.1L13.8 5.6L15.3 6.3L17.1 4.6L19.4 6.9L17.7 8.7L18.4 10.2L20.9 10.4' +
      'L20.9 13.6L18.4 13.8L17.7 15.3L19.4 17.1L17.1 19.4L15.3 17.7L13.8 18.4' +
      'L13.6 20.9L10.4 20.9L10.2 18.4L8.7 17.7L6.9 19.4L4.6 17.1L6.3 15.3L5.6 13.8' +
      'L3.1 13.6L3.1 10.4L5.6 10.2L6.3 8.7L4.6 6.9L6.9 4.6L8.7 6.3z',
  ],
  edit: ['M4 20l1-4L16 5l3 3L8 19z', 'M14 7l3 3'],
  warn: ['M12 4l9 16H3z', 'M12 10v4', 'M12 17v.1'],
  link: [
    'M10 14a4 4 0 0 0 6 .5l2.5-2.5a4 4 0 0 0-5.7-5.7L11.5 7.6',
    'M14 10a4 4 0 0 0-6-.5L5.5 12a4 4 0 0 0 5.7 5.7l1.3-1.3',
  ],
  share: ['M12 15V4', 'M8 7.5L12 4l4 3.5', 'M6 11v9h12v-9'],
  camera: ['M4 8V5h3', 'M17 5h3v3', 'M20 16v3h-3', 'M7 19H4v-3', 'M9 9h6v6H9z'],
  shield: ['M12 3l7 3v5.5c0 4.5-3 7.8-7 9.5-4-1.7-7-5-7-9.5V6z', 'M9 12l2.2 2.2L15.5 10'],
  bell: ['M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15z', 'M10 21h4'],
  move: ['M4 8h13', 'M13.5 4.5L17 8l-3.5 3.5', 'M20 16H7', 'M10.5 12.5L7 16l3.5 3.5'],
  next: ['M9 5l7 7-7 7'],
  clip: ['M19 11.5l-7.2 7.2a4.4 4.4 0 0 1-6.2-6.2l7.6-7.6a3 3 0 0 1 4.2 4.2l-7.5 7.5a1.5 1.5 0 0 1-2.1-2.1l6.6-6.6'],
  folder: ['M3.5 6.5h6l2 2.5h9v10h-17z'],
  file: ['M6 3.5h8l4.5 4.5v12.5H6z', 'M14 3.5V8h4.5'],
  files: ['M8 3.5h7l4 4V17H8z', 'M5 7v13.5h10'],
  image: ['M4 5h16v14H4z', 'M4 16.5l5-5 4 4 3-3 4 4', 'M15.5 9v.1'],
  film: ['M3.5 6.5h11.5v11H3.5z', 'M15 11l5.5-3v8L15 13'],
  sound: [
    'M9 17.5V6l10-2v11.5',
    'M9 17.5a2.5 2 0 1 1-5 0 2.5 2 0 0 1 5 0z',
    'M19 15.5a2.5 2 0 1 1-5 0 2.5 2 0 0 1 5 0z',
  ],
  text: ['M6 3.5h8l4.5 4.5v12.5H6z', 'M14 3.5V8h4.5', 'M9 12h6', 'M9 16h6'],
  save: ['M12 4v10', 'M7.5 10l4.5 4.5 4.5-4.5', 'M5 19.5h14'],
  pause: ['M9 6v12', 'M15 6v12'],
  play: ['M8 5l11 7-11 7z'],
  again: ['M19 12a7 7 0 1 1-2.2-5.1', 'M19 4v4h-4'],
  down: ['M12 5v13', 'M6 12.5l6 6 6-6'],
  calendar: ['M4 6h16v14H4z', 'M4 10.5h16', 'M8 3.5V8', 'M16 3.5V8'],
  box: ['M4 8.5h16V20H4z', 'M4 8.5L6 4h12l2 4.5', 'M9.5 12.5h5'],
  search: ['M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z', 'M15.5 15.5L20 20'],
  clock: ['M12 7v5l3 2', 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z'],
};

/** @typedef {keyof typeof paths} IconName */

/** Icons that point along the reading direction, and turn with it. @type {Set<IconName>} */
const directed = new Set(['back', 'send', 'next']);

/** @param {{name: IconName}} props */
export function Icon({ name }) {
  return (
    <svg
      class={`icon${directed.has(name) ? ' icon-directed' : ''}`}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      {paths[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}

/** The mark: two links of one chain. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="mark-ground" width="32" height="32" rx="8" />
      <path class="mark-line" d="M18 10.5h2.5a5.5 5.5 0 0 1 0 11H18M14 21.5h-2.5a5.5 5.5 0 0 1 0-11H14M12.5 16h7" />
    </svg>
  );
}

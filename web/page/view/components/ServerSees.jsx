/** Explains in plain words what the server can see. */
import { s } from '../../strings/index.js';
import { BackButton } from './BackButton.jsx';

export function ServerSees() {
  const { sees } = s;
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{sees.heading}</h1>
      </header>
      <div class="sheet sees">
        <p class="lead">{sees.lead}</p>
        <div class="ways">
          <section class="way">
            <h2>{sees.can}</h2>
            <List items={sees.canList} />
          </section>
          <section class="way">
            <h2>{sees.cannot}</h2>
            <List items={sees.cannotList} />
          </section>
        </div>
        <h2>{sees.kept}</h2>
        <p>{sees.keptText}</p>
        <h2>{sees.careful}</h2>
        <p>{sees.carefulText}</p>
        <h2>{sees.device}</h2>
        <p>{sees.deviceText}</p>
      </div>
    </div>
  );
}

/** @param {{items: string[]}} props */
const List = ({ items }) => (
  <ul>
    {items.map((item) => (
      <li key={item}>{item}</li>
    ))}
  </ul>
);

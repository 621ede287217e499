/** A text whose addresses are links. One that opens another server than it seems to says which. */
import { useMemo } from 'preact/hooks';
import { findLinks } from '../links.js';

/** @param {{text: string}} props */
export function Linked({ text }) {
  const parts = useMemo(() => findLinks(text), [text]);
  return <>{parts.map((part, index) => (part.href ? <Link key={index} {...part} href={part.href} /> : part.text))}</>;
}

/** @param {import('../links.js').Part & {href: string}} props */
function Link({ text, href, opens }) {
  const away = href.startsWith('mailto:') ? {} : { target: '_blank', rel: 'noopener noreferrer nofollow' };
  return (
    <>
      <a href={href} title={opens && href} {...away}>
        {text}
      </a>
      {opens && (
        <>
          {' '}
          <span class="opens" dir="ltr">
            ({opens})
          </span>
        </>
      )}
    </>
  );
}

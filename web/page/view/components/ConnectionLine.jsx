/** The connection in words: nothing while all is well, and nothing for hitches shorter than a moment. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { useStore } from '../store.js';
import { useNow } from '../use-now.js';

const PATIENCE_MS = 1200;
const BACK_MS = 4000;

export function ConnectionLine() {
  const server = useStore(({ engine }) => engine.server);
  const trouble = server.state !== 'online' && !server.changed;
  const [shown, setShown] = useState(''); // '', trouble, back
  const wasOnline = useRef(false);

  useEffect(() => {
    if (trouble) {
      const wait = setTimeout(() => setShown('trouble'), PATIENCE_MS);
      return () => clearTimeout(wait);
    }
    setShown((before) => (before === 'trouble' && wasOnline.current ? 'back' : ''));
    wasOnline.current ||= server.state === 'online';
    const gone = setTimeout(() => setShown(''), BACK_MS);
    return () => clearTimeout(gone);
  }, [trouble]);

  return (
    <div role="status" class="connection-status">
      {shown === 'back' && <p class="banner banner-good">{s.connection.back}</p>}
      {shown === 'trouble' && trouble && <Trouble server={server} />}
    </div>
  );
}

function Trouble({ server }) {
  const now = useNow(1000);
  const words = s.connection.reasons[server.reason];
  const final = server.state === 'offline' && server.retryAt === null;
  const first = server.everOnline ? s.connection.lost : s.connection.unreachable;
  if (server.state === 'connecting' && !server.everOnline) return <p class="banner">{s.connection.connecting}</p>;
  return (
    <div class="banner">
      <p>
        {words ?? first}{' '}
        {!final && (
          // Counting aloud would drown everything else.
          <span aria-hidden="true">
            {server.retryAt > now ? s.connection.retryIn(server.retryAt - now) : s.connection.retrying}
          </span>
        )}
      </p>
      <button type="button" class="button button-small" onClick={() => call('tryNow')}>
        {server.reason === 'SUPERSEDED' ? s.connection.reload : s.connection.tryNow}
      </button>
    </div>
  );
}

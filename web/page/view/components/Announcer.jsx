/** The one live region for events away from the focus. It is emptied first, so that repeated words are said again. */
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../store.js';

export function Announcer() {
  const note = useStore(({ note }) => note);
  const [said, setSaid] = useState('');
  useEffect(() => {
    setSaid('');
    const turn = requestAnimationFrame(() => setSaid(note.text));
    return () => cancelAnimationFrame(turn);
  }, [note]);
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}

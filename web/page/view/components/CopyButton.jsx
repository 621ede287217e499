/** A button that copies a text, and says so in its label. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { copy } from '../actions.js';
import { say } from '../spoken.js';
import { Icon } from './Icon.jsx';

/** @param {{text: string | (() => string), label?: string, main?: boolean}} props */
export function CopyButton({ text, label = s.copy, main = false }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const back = setTimeout(() => setCopied(false), 2500);
    return () => clearTimeout(back);
  }, [copied]);

  const act = async () => {
    const done = await copy(typeof text === 'function' ? text() : text);
    setCopied(done);
    say(done ? s.copied : s.copyFailed);
  };
  return (
    <button type="button" class={`button copy ${main ? 'button-main' : ''}`} onClick={act}>
      <Icon name={copied ? 'check' : 'copy'} />
      {copied ? s.copied : label}
    </button>
  );
}

/**
 * One invitation: a code to say, a link and QR to send, and that it waits. Leads on by itself when someone uses it (see
 * actions.js).
 */
import { useEffect, useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { cancelInvite, invite as makeInvite } from '../actions.js';
import { useStore } from '../store.js';
import { useNow } from '../use-now.js';
import { BackButton } from './BackButton.jsx';
import { CodeCard } from './CodeCard.jsx';
import { CopyButton } from './CopyButton.jsx';
import { Icon } from './Icon.jsx';
import { Knocks } from './Knocks.jsx';
import { Qr } from './Qr.jsx';

const hereOnly = /^(localhost|127\.|\[::1\])/.test(location.hostname);

export function InviteScreen({ place }) {
  const invite = useStore(({ engine }) => engine.invites.find(({ secret }) => secret === place.secret));
  const people = useStore(({ engine }) => engine.contacts.length);
  const now = useNow(1000);
  const title = useRef(null);
  useEffect(() => title.current?.focus(), []);

  if (!invite || invite.expiresAt <= now) {
    return (
      <div class="page">
        <header class="bar">
          <BackButton />
        </header>
        <h1 ref={title} tabIndex={-1}>
          {s.invite.gone}
        </h1>
        <button type="button" class="button button-main" onClick={makeInvite}>
          {s.invite.again}
        </button>
      </div>
    );
  }
  return (
    <div class="page invite">
      <header class="bar">
        <BackButton />
        <h1 ref={title} tabIndex={-1}>
          {s.invite.heading}
        </h1>
      </header>
      {people === 0 && <Knocks />}
      <div class="invite-body">
        <section class="code-card" aria-labelledby="code-title">
          <h2 id="code-title">{s.code.title}</h2>
          <CodeCard secret={invite.secret} code={invite.code} now={now} />
          <p class="fine">{s.code.help(location.host)}</p>
        </section>
        <section class="invite-link" aria-labelledby="link-title">
          <figure class="invite-qr">
            <Qr text={invite.link} label={s.invite.qrLabel} />
            <figcaption class="fine">{s.invite.scan}</figcaption>
          </figure>
          <div class="invite-send">
            <h2 id="link-title">{s.invite.linkTitle}</h2>
            <label for="invite-link" class="visually-hidden">
              {s.invite.linkLabel}
            </label>
            <input
              id="invite-link"
              class="field field-code"
              dir="ltr"
              readOnly
              value={invite.link}
              onFocus={(event) => event.currentTarget.select()}
            />
            <div class="buttons">
              <CopyButton text={invite.link} label={s.invite.copyLink} />
              {navigator.share && (
                <button type="button" class="button" onClick={() => share(invite.link)}>
                  <Icon name="share" />
                  {s.invite.share}
                </button>
              )}
            </div>
            <p class="fine">
              {s.invite.once} · {s.invite.left(invite.expiresAt - now)}. {s.invite.secret}
            </p>
            {hereOnly && <p class="note-box">{s.invite.onlyHere}</p>}
          </div>
        </section>
        <footer class="invite-foot">
          <p class="waiting" role="status">
            <span class="pulse" aria-hidden="true" />
            {s.invite.waiting}
          </p>
          <p class="fine">{s.invite.waitingMore}</p>
          <button type="button" class="button" onClick={() => cancelInvite(invite.secret)}>
            {s.invite.cancel}
          </button>
        </footer>
      </div>
    </div>
  );
}

/** A person who closes the system's sheet has changed their mind: no error. */
const share = (url) => navigator.share({ title: s.invite.shareTitle, url }).catch(() => {});

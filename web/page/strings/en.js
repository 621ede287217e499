/** English. Technical words (relay, key, session, …) belong in `details` only. */

/** @param {import('./format.js').Format} f */
export default (f) => ({
  app: 'Pairlink',
  skip: 'Skip to the conversation',
  back: 'Back',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'Couldn’t copy. Select the text and copy it yourself.',
  loading: 'One moment…',
  ok: 'OK',
  unsaved: 'This couldn’t be saved. Your browser may be out of space.',
  friend: (/** @type {string} */ tail) => `Friend …${f.ltr(tail)}`,
  you: 'You',

  home: {
    title: 'Talk and send files, privately',
    another: 'Connect with someone new',
    lead:
      'Messages, files and folders, encrypted between you and the other person. No account: one of you shares a ' +
      'code or a link, the other opens it.',
    pickTitle: 'Choose a conversation',
    pick: 'Pick one from the list, or connect with someone new.',
  },
  invite: {
    title: 'Invite someone',
    text:
      'You get a code to say, and a link and a QR code to send. It works once, for the first person who uses it, ' +
      'and you can cancel it.',
    action: 'Create an invitation',
    making: 'Creating…',
    heading: 'Your invitation is ready',
    scanTitle: 'Scan it',
    scan: 'Point a phone’s camera here.',
    qrLabel: 'QR code of the invitation link',
    linkTitle: 'Send it',
    linkLabel: 'Invitation link',
    copy: 'Copy invitation',
    copyLink: 'Copy link only',
    message: 'Let’s talk on Pairlink. Open this link:',
    messageCode: (/** @type {string} */ address, /** @type {string} */ code, /** @type {number} */ ms) =>
      `Or go to ${address} and type ${code} (works for ${f.span(ms)}).`,
    share: 'Share…',
    shareTitle: 'Talk to me on Pairlink',
    once: 'Works once',
    left: (/** @type {number} */ ms) => `${f.span(ms)} left`,
    yourName: 'Your name (optional)',
    yourNameMore: 'The other person sees it.',
    waiting: 'Waiting for the other person…',
    waitingMore: 'You can leave this screen. The invitation works while Pairlink is open in this browser.',
    cancel: 'Cancel invitation',
    cancelled: 'Invitation cancelled',
    gone: 'This invitation is over. It was used or cancelled, or it has expired.',
    again: 'Create a new one',
    onlyHere:
      'This address works only on this computer. For other devices, open Pairlink at an address they can reach.',
    secret: 'Anyone who has it can use it, so send it to one person only.',
    pending: 'Unused invitation',
  },
  code: {
    title: 'Say it',
    help: (/** @type {string} */ address) =>
      `The other person opens ${f.ltr(address)} and types this code there, or in the command line program.`,
    label: 'Pairing code',
    spelled: 'Spelt',
    making: 'Getting a code…',
    offline: 'You get a code when the connection is back.',
    copy: 'Copy code',
    left: (/** @type {number} */ ms) => `Works once · ${f.span(ms)} left`,
    busy:
      'Someone else tried this code at the same moment and was refused. If that was the person you meant, make a ' +
      'new code.',
    problem: {
      EWRONGCODE:
        'Someone got this code wrong, so it no longer works. It may have been a slip or a guess. Make a new code ' +
        'and say that one.',
      ETIMEDOUT: 'This code has expired.',
      EAGAIN: 'The server has no code to give right now. The link works.',
      none: 'There’s no code for this invitation right now. The link works.',
      other: 'This code no longer works.',
    },
    again: 'New code',
    fresh: (/** @type {string} */ code) => `Your code is ${code}`,
  },
  join: {
    title: 'I was invited',
    text: 'Type the code you were told, or paste the link or the message you were sent.',
    label: 'Code or link',
    placeholder: '4821-copper-violin',
    action: 'Connect',
    ask: 'Ask to connect',
    stop: 'Stop trying',
    scan: 'Scan a QR code',
    suggestions: 'Words that fit',
    suggested: (/** @type {number} */ n) => f.plural(n, { one: '1 word fits', other: (count) => `${count} words fit` }),
    looksCode: 'That’s a code. You have one try.',
    looksLink: 'That’s an invitation. You can connect.',
    looksId: 'That’s an ID. The other person will be asked whether to connect.',
    known: (/** @type {string} */ name) => `You’re already connected with ${f.iso(name)}.`,
    part: {
      codeWords: 'Two more words.',
      codeWord: 'One more word.',
      codeLetters: 'Keep typing.',
    },
    unknown: (/** @type {string} */ word) => `“${f.ltr(word)}” isn’t a word that codes use.`,
    problem: {
      empty: 'Type a code or paste a link first.',
      own: 'That’s your own. Give it to someone else.',
      otherServer: 'This link belongs to another server. Open it in the address bar instead.',
      linkPart: 'Part of the link is missing. Copy all of it, up to the very end.',
      linkBroken: 'This link is damaged. Copy all of it, up to the very end.',
      notAnId: 'That doesn’t look like a code, link or ID.',
      idShort: 'An ID has 54 letters and digits. Some are missing.',
      idLong: 'That’s too long: an ID has 54 letters and digits.',
      idTypo: 'There’s a typo in this ID. Copy it instead of typing it.',
      codeBegin: 'A code starts with its number, as in 4821-copper-violin.',
      codeNumber: 'The number of a code has four to seven digits.',
      codeUnknown: 'One of the words isn’t a word that codes use.',
      codeLong: 'That’s too long: a code is a number and two words.',
      codeShort: 'A code is a number and two words. Something is missing.',
    },
    trying: 'Looking for the other person…',
    claim: {
      EWRONGCODE: 'That wasn’t the right code, and now it no longer works. Ask for a new one.',
      ENOCODE: 'There’s no such code, or it no longer works. Check the number, or ask for a new one.',
      EBUSY: 'Someone else is using this code right now. Ask the other person for a new one.',
      ETIMEDOUT: 'No one answered in time. Ask for a new code, and use it while the other person’s page is open.',
      EAGAIN: 'Too many tries. Wait a minute, then try again.',
      other: 'That didn’t work. Ask for a new code.',
    },
  },
  scan: {
    heading: 'Scan a QR code',
    looking: 'Point the camera at the code that the other person shows.',
    starting: 'Starting the camera…',
    denied: 'The camera can’t be used. Allow it for this page in the browser, or type the code.',
    none: 'There’s no camera here. Type the code, or paste the link.',
    broken: 'The QR reader couldn’t be loaded. Type the code, or paste the link.',
    other: 'This QR code isn’t an invitation.',
  },
  list: {
    title: 'Conversations',
    add: 'Connect with someone new',
    unread: (/** @type {number} */ n) =>
      f.plural(n, { one: '1 unread message', other: (count) => `${count} unread messages` }),
    youSaid: (/** @type {string} */ text) => `You: ${text}`,
    here: 'online',
    joined: 'Connected. Say hello.',
    blocked: 'Blocked',
    doubt: 'Check who this is',
    settings: 'Settings and details',
  },
  search: {
    label: 'Search contacts and messages',
    placeholder: 'Search',
    only: (/** @type {string} */ name) => `Only with ${f.iso(name)}`,
    contacts: 'Contacts',
    messages: 'Messages',
    you: 'You:',
    more: 'Show more',
    busy: 'Searching…',
    nothing: 'Nothing found.',
    found: (/** @type {number} */ people, /** @type {number} */ messages, /** @type {boolean} */ more) =>
      [
        people > 0 && f.plural(people, { one: '1 contact', other: (count) => `${count} contacts` }),
        messages > 0 &&
          `${f.plural(messages, { one: '1 message', other: (count) => `${count} messages` })}${more ? ' so far' : ''}`,
      ]
        .filter(Boolean)
        .join(', ') || 'Nothing found.',
    inConversation: 'Search this conversation',
  },
  knock: {
    title: 'Requests',
    allow: 'Allow',
    ignore: 'Ignore',
    block: 'Block',
    more:
      'Ignore: their requests stay silent. Block: the server stops their requests, too. They aren’t told, and you ' +
      'can undo both in Settings.',
    arrived: (/** @type {string} */ tail) => `Someone with ID …${f.ltr(tail)} wants to connect with you.`,
    says: (/** @type {string} */ name) => `They call themselves “${f.iso(name)}”.`,
    known: (/** @type {string} */ name) =>
      `Careful: this is not the ${f.iso(name)} you know, but another ID with the same name.`,
  },
  thread: {
    here: 'online now',
    away: 'not online',
    offline: 'no connection right now',
    checking: 'checking the connection…',
    connecting: 'connecting…',
    asked: 'asked, waiting for an answer',
    empty: (/** @type {string} */ name) =>
      `You and ${f.iso(name)} are connected. Only the two of you can read what you write.`,
    emptyAsked:
      'They’ve been asked to connect. You can talk as soon as they accept. Anything you write now is sent then.',
    emptyInvited:
      'Waiting for the person who invited you. Keep this page open: you’re connected as soon as they open theirs.',
    emptyAway: (/** @type {string} */ name) =>
      `${f.iso(name)} isn’t online. Anything you write is sent when you’re both online.`,
    emptyUnknown: (/** @type {string} */ name) =>
      `Looking for ${f.iso(name)}. Anything you write is sent when you’re both online.`,
    refused: 'This invitation was already used, was cancelled, or has expired. Ask for a new one, or ask to connect.',
    refusedLate: 'This invitation has expired, and nobody answered. Ask for a new one, or ask to connect.',
    refusedAsk: 'They aren’t accepting requests from you. Ask them for an invitation.',
    refusedGone: (/** @type {string} */ name) =>
      `${f.iso(name)} isn’t accepting messages from you any more. Ask for a new invitation.`,
    refusedShort: 'invitation no longer valid',
    refusedThem: 'not accepting messages',
    refusedMessage: 'Not delivered',
    ask: 'Ask to connect',
    askAgain: 'Try again',
    blocked: 'You’ve blocked this contact. Nothing is sent or received.',
    unblock: 'Unblock',
    fresh: (/** @type {number} */ n) =>
      f.plural(n, { one: '1 new message', other: (count) => `${count} new messages` }),
    newest: 'Newest',
    back: 'Back to where you were',
    toDate: 'Go to a date',
    toDateGo: 'Go',
    log: (/** @type {string} */ name) => `Messages with ${f.iso(name)}`,
    nameAsk: 'What do you call them?',
    nameAskMore: 'Only you see this name.',
    namePlaceholder: 'Name',
    detailsOf: (/** @type {string} */ name) => `About ${f.iso(name)}`,
    said: (/** @type {string} */ name) => `${f.iso(name)}:`,
  },
  doubt: {
    title: (/** @type {string} */ name) => `Is this really ${f.iso(name)}?`,
    text: (/** @type {string} */ name) =>
      `You already know ${f.iso(name)}, under another ID. This may be ${f.iso(name)} on a new device, or someone ` +
      'who only uses the name. Nothing is sent until you answer.',
    advice: 'Ask them in another way that you trust: by phone, or in person.',
    known: (/** @type {string} */ name) => `The ${f.iso(name)} you know`,
    now: 'This one',
    same: (/** @type {string} */ name) => `I asked: it’s ${f.iso(name)}`,
    other: 'It’s someone else',
    block: 'Block',
  },
  message: {
    sending: 'Sending',
    waiting: (/** @type {string} */ name) => `Waiting for ${f.iso(name)}. Sends when you’re both online.`,
    waitingServer: 'Sends when you’re back online',
    waitingAnswer: 'Sends when they accept',
    waitingUnknown: 'Waiting to send',
    checking: 'Checking the connection…',
    held: 'Not sent until you’ve answered',
    stopped: 'Not sent',
    notStored: 'Not sent. Your browser couldn’t save this message.',
    tryAgain: 'Try again',
    delivered: 'Delivered',
    new: (/** @type {string} */ name, /** @type {string} */ text) => `${f.iso(name)}: ${text}`,
  },
  files: {
    attach: 'Send files',
    attachFolder: 'Send a folder',
    drop: (/** @type {string} */ name) => `Drop files here to send them to ${f.iso(name)}`,
    size: (/** @type {number} */ bytes) => f.size(bytes),
    count: (/** @type {number} */ n) => f.plural(n, { one: '1 file', other: (count) => `${count} files` }),
    progress: (/** @type {number} */ stored, /** @type {number} */ size) => `${f.size(stored)} of ${f.size(size)}`,
    rate: (/** @type {number} */ bytes) => `${f.size(bytes)}/s`,
    left: (/** @type {number} */ ms) => `${f.span(ms)} left`,
    still: (/** @type {number} */ ms) => `no progress for ${f.span(ms)}`,
    progressOf: (/** @type {string} */ name) => `Progress of ${f.iso(name)}`,
    wants: (/** @type {string} */ name) => `${f.iso(name)} wants to send you this.`,
    /** @type {(name: string, folders: number, files: number, bytes: number) => string} */
    offers: (name, folders, files, bytes) => {
      const both = [
        folders > 0 && f.plural(folders, { one: '1 folder', other: (count) => `${count} folders` }),
        files > 0 && f.plural(files, { one: '1 file', other: (count) => `${count} files` }),
      ];
      return `${f.iso(name)} wants to send you ${both.filter(Boolean).join(' and ')} (${f.size(bytes)}).`;
    },
    andMore: (/** @type {string} */ name, /** @type {number} */ n) =>
      `${f.iso(name)} and ${f.plural(n, { one: '1 more', other: (count) => `${count} more` })}`,
    rest: (/** @type {number} */ n) => f.plural(n, { one: 'and 1 more', other: (count) => `and ${count} more` }),
    accept: 'Accept',
    acceptOf: (/** @type {string} */ name) => `Accept ${f.iso(name)}`,
    acceptAll: 'Accept all',
    decline: 'Decline',
    declineOf: (/** @type {string} */ name) => `Decline ${f.iso(name)}`,
    waiting: (/** @type {string} */ name) => `Waiting for ${f.iso(name)} to accept`,
    sending: 'Sending',
    receiving: 'Receiving',
    away: (/** @type {string} */ name) => `${f.iso(name)} isn’t online. This continues when you’re both online.`,
    offline: 'No connection. This continues when it’s back.',
    checking: 'Checking that everything arrived intact',
    paused: 'Paused',
    pausedBy: (/** @type {string} */ name) => `Paused by ${f.iso(name)}`,
    full: 'No room left in this browser. Remove something, and this continues by itself.',
    fullThere: (/** @type {string} */ name) => `${f.iso(name)} has no room left. This continues when there is some.`,
    missing: 'The page was closed or reloaded. Choose this again to continue.',
    choose: 'Choose the file again',
    chooseAll: 'Choose the files again',
    chooseFolder: 'Choose the folder again',
    wrong: 'This is a different file, or it was changed.',
    pauseOf: (/** @type {string} */ name) => `Pause ${f.iso(name)}`,
    resumeOf: (/** @type {string} */ name) => `Resume ${f.iso(name)}`,
    cancelOf: (/** @type {string} */ name) => `Cancel ${f.iso(name)}`,
    tryAgainOf: (/** @type {string} */ name) => `Try ${f.iso(name)} again`,
    delivered: 'Delivered',
    saved: 'Received',
    partly: (/** @type {number} */ n) =>
      f.plural(n, { one: '1 file didn’t arrive', other: (count) => `${count} files didn’t arrive` }),
    save: 'Save',
    saveAll: 'Save all',
    saveOf: (/** @type {string} */ name) => `Save ${f.iso(name)}`,
    saveAllOf: (/** @type {string} */ name) => `Save all: ${f.iso(name)}`,
    remove: 'Remove',
    removeHere: 'Remove from this browser',
    removeAsk: 'This removes it from this browser. Copies you saved elsewhere stay.',
    removed: 'Removed from this browser',
    ended: {
      1: { me: 'You declined', them: (/** @type {string} */ name) => `${f.iso(name)} declined` },
      2: { me: 'You cancelled', them: (/** @type {string} */ name) => `${f.iso(name)} cancelled` },
      3: {
        me: 'The file was changed while it was being sent. Send it again.',
        them: (/** @type {string} */ name) => `The file was changed on ${f.iso(name)}’s side`,
      },
      4: {
        me: 'The file couldn’t be read. Send it again.',
        them: (/** @type {string} */ name) => `${f.iso(name)} couldn’t read the file`,
      },
      5: {
        me: 'This browser couldn’t store the file',
        them: (/** @type {string} */ name) => `${f.iso(name)} couldn’t store the file`,
      },
      6: {
        me: 'It arrived damaged and was discarded',
        them: (/** @type {string} */ name) => `It arrived damaged on ${f.iso(name)}’s side`,
      },
      7: { me: 'Too large for this browser', them: (/** @type {string} */ name) => `Too large for ${f.iso(name)}` },
    },
  },
  picture: {
    open: (/** @type {string} */ name) => `Open the picture ${f.iso(name)}`,
    previous: 'Previous picture',
    next: 'Next picture',
    place: (/** @type {number} */ at, /** @type {number} */ all) => `${f.number(at)} of ${f.number(all)}`,
    small: 'Only this small version is kept here.',
    gone: 'This picture isn’t here any more.',
  },
  talk: {
    typing: (/** @type {string} */ name) => `${f.iso(name)} is typing…`,
    read: 'Read',
    written: (/** @type {number} */ written, /** @type {number} */ at) =>
      `Written ${f.moment(written, at)} · arrived ${f.time(at)}`,
    actions: 'Message options',
    reply: 'Reply',
    noReply: 'Cancel reply',
    answers: 'In reply to:',
    quoteGone: 'Reply to a message that isn’t here',
    copyText: 'Copy text',
    copyName: 'Copy name',
    tryNow: 'Try again now',
    sendAgain: 'Send again',
    deleteHere: 'Delete from this browser',
    deleteYes: 'Delete',
    deleteAsk: (/** @type {string} */ name) =>
      `Delete this message from this browser? This doesn’t delete ${f.iso(name)}’s copy.`,
    deleteWaiting: (/** @type {string} */ name) =>
      `Delete this message? It won’t be sent any more, unless it’s already on its way to ${f.iso(name)}.`,
    deleteFile: 'Delete this from this browser? Copies you saved elsewhere stay.',
    deleted: 'Deleted from this browser',
    settings: 'What others see',
    showTyping: 'Show when I’m typing',
    showRead: 'Show what I’ve read',
    bothWays: 'This works both ways: what you don’t show, you don’t see from others either.',
  },
  composer: {
    label: (/** @type {string} */ name) => `Message to ${f.iso(name)}`,
    send: 'Send',
    tooLong: (/** @type {number} */ over) =>
      f.plural(over, { one: '1 character too long', other: (count) => `${count} characters too long` }),
    hint: 'Enter sends, Shift+Enter starts a new line',
  },
  connection: {
    connecting: 'Connecting…',
    checking: 'Checking the connection…',
    lost: 'Connection lost.',
    retryIn: (/** @type {number} */ ms) => `Trying again in ${f.span(ms)}.`,
    retrying: 'Trying again…',
    back: 'Back online. Nothing was lost.',
    tryNow: 'Try now',
    unreachable: 'Can’t reach the server. What you write waits on this device.',
    reasons: {
      SUPERSEDED:
        'Pairlink is open in another window that can’t share a connection with this one. Only one of them can be ' +
        'online.',
      DENIED: 'This server doesn’t let you in. Ask the person who runs it for access.',
      REVOKED: 'This server no longer lets you in. Ask the person who runs it.',
      FULL: 'You’re connected in too many places, or the server is full.',
      STORE:
        'The server can’t take new people right now. This page keeps trying. If it goes on, tell the person who ' +
        'runs the server.',
      ORIGIN: 'This server doesn’t accept connections from this address.',
      UNSUPPORTED: 'This page and the server have versions that don’t work together. Reload the page.',
      LOGIN_FAILED: 'The server didn’t accept the proof of your ID. Check the clock and the network of this device.',
    },
    reload: 'Continue here',
  },
  update: {
    text: 'A new version of this page is ready.',
    action: 'Update now',
  },
  changed: {
    title: 'This isn’t the server you knew',
    text:
      'Its ID has changed. Either it was set up again, or another server is posing as it. Nothing is sent until you ' +
      'decide.',
    advice: 'Ask the person who runs the server, but not through this page.',
    before: 'Until now',
    now: 'Now',
    trust: 'I asked: trust the new one',
    stay: 'Until then, everything you wrote stays on this device.',
  },
  plain: {
    title: 'Opened without HTTPS.',
    text:
      'Messages are still encrypted between the two of you. But on pages like this, the browser turns off ' +
      'notifications, the camera, installing and working offline. And whoever controls this network could replace ' +
      'the page itself.',
  },
  broken: {
    title: 'Pairlink can’t start in this browser',
    storage:
      'This browser doesn’t let the page store anything. Leave private browsing, or allow site data, and reload.',
    other: 'Reload the page. If that doesn’t help, use an up-to-date Firefox, Chromium or Safari.',
    reload: 'Reload',
  },
  contact: {
    heading: 'About this contact',
    how: {
      code: 'Connected with the code you gave them, so this is the person who typed it.',
      coded: 'Connected with the code they gave you, so this is the person who made it.',
      invite: 'Connected with your invitation link, so this is the person you gave it to.',
      invited: 'Connected with the link they gave you, so this is the person who made it.',
      asked: 'You asked to connect, using their ID. If they gave you that ID themselves, it’s them.',
      knock: 'They asked to connect, and you allowed it. Compare the safety phrase to be sure.',
      imported: 'Copied here with your identity.',
    },
    since: (/** @type {number} */ at) => `Since ${f.fullTime(at)}`,
    accepts: (/** @type {string} */ name) => `Accept files from ${f.iso(name)} without asking`,
    acceptsNone: 'Never',
    acceptsUpTo: (/** @type {number} */ bytes) => `Up to ${f.size(bytes)}`,
    acceptsMore: 'You’re still asked about anything larger, and when there isn’t enough room.',
    id: 'ID',
    block: 'Block',
    unblock: 'Unblock',
    blockMore: 'If you block them, nothing from them arrives. They aren’t told.',
    unblockMore: 'You blocked them: nothing from them arrives.',
    forgetMore:
      'Deleting removes them and all messages from this browser. They are told that you don’t accept their messages, ' +
      'and need a new invitation to come back, unless you let them ask again.',
    forgetBlockedMore: 'Deleting removes them and all messages from this browser. They stay blocked, and aren’t told.',
    forget: 'Delete contact and messages',
    forgetSure: 'Delete for good? The messages can’t be brought back.',
    forgetYes: 'Delete for good',
  },
  turnedAway: {
    title: 'Blocked, ignored and deleted',
    more:
      'If you let someone ask, they can send you a request again. Contacts you deleted are told that you don’t ' +
      'accept their messages.',
    kinds: { ignore: 'ignored', block: 'blocked', delete: 'deleted' },
    undo: 'Let them ask',
    canAsk: (/** @type {string} */ name) => `${f.iso(name)} can send you a request again.`,
    unblocked: (/** @type {string} */ name) => `${f.iso(name)} is no longer blocked.`,
    undoOf: (/** @type {string} */ action, /** @type {string} */ name) => `${action}: ${f.iso(name)}`,
  },
  phrase: {
    title: 'Safety phrase',
    text: (/** @type {string} */ name) =>
      `${f.iso(name)} should see the same twelve words. Read them to each other, by phone or in person. If they ` +
      'all match, no one is in between.',
    making: 'Working it out…',
    same: 'They match',
    differ: 'They differ',
    compared: (/** @type {number} */ at) => `You compared it on ${f.fullTime(at)}: it matches.`,
    again: 'Compare again',
    differs:
      'Then you’re not connected with the person you’re talking to, or one of you is looking at another ' +
      'contact. Look again. If they still differ, block this contact and invite the person again.',
    mark: 'compared',
  },
  settings: {
    heading: 'Settings',
    yourName: 'Your name',
    yourNameMore: 'People you connect with see it. You can leave it empty.',
    copyId: 'Copy ID',
    serverSees: 'What the server can see',
    moveIdentity: 'Save or move your identity',
    saved: 'Saved',
    language: 'Language',
    languageAuto: (/** @type {string} */ name) => `Same as the browser (${name})`,
  },
  notify: {
    title: 'Notifications',
    text: 'Shows new messages on this device while Pairlink is open in the background.',
    on: 'Turn on',
    off: 'Turn off',
    isOn: 'On',
    isOff: 'Off',
    denied: 'Your browser blocks notifications for this page. Allow them in its settings first.',
    no: 'Not available for this page in this browser.',
    many: (/** @type {number} */ n) => f.plural(n, { one: '1 new message', other: (count) => `${count} new messages` }),
  },
  backup: {
    heading: 'Save or move your identity',
    lead:
      'Your identity is how your contacts know you. With a copy of it you’re the same person in another browser. ' +
      'The copy holds your contacts and their names, but no messages or files.',
    oneDevice: 'Use it on one device at a time: a message to you reaches only one device.',
    saveTitle: 'Make a copy',
    passphrase: 'Passphrase',
    repeat: 'Passphrase again',
    passphraseMore:
      'At least 10 characters. Several words are best. Without it nobody can open the copy, not even you.',
    make: 'Make a copy',
    making: 'Encrypting…',
    short: 'That passphrase is too short.',
    unequal: 'The two passphrases are different.',
    ready: 'Your copy is ready. Anyone who has it and the passphrase can pretend to be you.',
    download: 'Save as a file',
    copyText: 'Copy as text',
    fileName: 'pairlink-identity.txt',
    loadTitle: 'Use a copy here',
    file: 'Choose the file',
    text: 'or paste its text',
    open: 'Open the copy',
    opening: 'Opening…',
    problem: {
      form: 'That isn’t a copy of an identity, or part of it is missing.',
      version: 'This copy comes from a newer version of Pairlink.',
      wrong: 'Wrong passphrase, or the copy was changed.',
    },
    sure: (/** @type {string} */ name, /** @type {number} */ n) =>
      `Become ${f.iso(name)} here, with ${f.plural(n, { one: '1 contact', other: (count) => `${count} contacts` })}? The identity, contacts, messages and files in this browser will be deleted.`,
    nameless: (/** @type {string} */ tail) => `…${f.ltr(tail)}`,
    replace: 'Replace everything here',
    same: 'You already use this identity here. Contacts you don’t have yet will be added.',
    add: 'Add the contacts',
    elsewhere: 'This identity is also in use on another device.',
    elsewhereMore:
      'Messages reach only one of them. Close Pairlink on the other device. If you never copied your identity, ' +
      'someone else has it: delete everything here in Settings and connect with your contacts again.',
  },
  spoken: {
    connected: (/** @type {string} */ name) => `Connected with ${f.iso(name)}`,
    presence: (/** @type {string} */ name, /** @type {string} */ words) => `${f.iso(name)}: ${words}`,
  },
  storage: {
    heading: 'Storage and deleting',
    lead: 'Your messages, contacts and files are kept in this browser, not on the server.',
    counting: 'Counting…',
    used: 'Used',
    holds: (/** @type {number} */ messages, /** @type {number} */ files, /** @type {number} */ bytes) =>
      `${f.plural(messages, { one: '1 message', other: (count) => `${count} messages` })} and ${f.plural(files, { one: '1 file', other: (count) => `${count} files` })} (${f.size(bytes)})`,
    quota: (/** @type {number} */ used, /** @type {number} */ free) =>
      `${f.size(used)} used in all, up to ${f.size(free)} free`,
    safety: 'How safe is it?',
    persistence: {
      yes: 'Your browser keeps this until you delete it.',
      no:
        'Your browser may delete all this, for instance when the disk is full or you haven’t been here for weeks. ' +
        'Your identity, contacts, messages and files would be gone.',
      private: 'This is a private window. When you close it, your identity, contacts, messages and files are gone.',
      unknown:
        'Your browser doesn’t say whether it keeps this. It may delete your identity, contacts, messages and files, ' +
        'for instance when the disk is full.',
    },
    ask: 'Ask the browser to keep it',
    byContact: 'Files by contact',
    noFiles: 'There are no files here.',
    share: (/** @type {number} */ files, /** @type {number} */ bytes) =>
      `${f.plural(files, { one: '1 file', other: (count) => `${count} files` })}, ${f.size(bytes)}`,
    removeOf: (/** @type {string} */ name) => `Remove files received from ${f.iso(name)}…`,
    removeOld: (/** @type {number} */ days) =>
      `Remove files received more than ${f.plural(days, { one: '1 day', other: (count) => `${count} days` })} ago…`,
    nothingToRemove: 'Nothing to remove.',
    removeSure: (/** @type {number} */ files, /** @type {number} */ bytes) =>
      `Remove ${f.plural(files, { one: '1 received file or folder', other: (count) => `${count} received files and folders` })} (${f.size(bytes)}) from this browser? Copies you saved elsewhere stay.`,
    removeYes: 'Remove',
    deleteAll: 'Delete everything here…',
    deleteSure:
      'Delete your identity, contacts, messages and files from this browser? This can’t be undone, and your contacts ' +
      'can no longer reach you here. Files you saved elsewhere stay.',
    deleteYes: 'Delete everything',
    deleting: 'Deleting…',
    deleteFailed: 'Not everything could be deleted. Try again.',
    saveFirst: 'Save my identity first',
  },
  export: {
    heading: 'Search and save',
    more: 'The saved file holds your messages and the names of files, unencrypted.',
    html: 'Save for reading (HTML)',
    json: 'Save for programs (JSON)',
    done: 'Conversation saved.',
    failed: 'The conversation couldn’t be saved. Try again.',
    title: (/** @type {string} */ name) => `Conversation with ${f.iso(name)}`,
    made: (/** @type {number} */ at) => `Saved from Pairlink on ${f.fullTime(at)}`,
    day: (/** @type {number} */ at) => f.day(at, 0),
    file: (/** @type {string} */ name, /** @type {number} */ size) => `File: ${f.iso(name)} (${f.size(size)})`,
  },
  wait: {
    choose: 'Choose files first',
    drop: 'Drop files here for the person you connect to',
    count: (/** @type {number} */ n) =>
      f.plural(n, {
        one: '1 file waits for the person you connect to.',
        other: (count) => `${count} files wait for the person you connect to.`,
      }),
    show: 'Show files',
    removeOf: (/** @type {string} */ name) => `Remove ${f.iso(name)}`,
    offer: (/** @type {string} */ name) => `Send to ${f.iso(name)}`,
    offered: (/** @type {string} */ name, /** @type {number} */ n) =>
      f.plural(n, {
        one: `1 file is offered to ${f.iso(name)}.`,
        other: (count) => `${count} files are offered to ${f.iso(name)}.`,
      }),
    cannot: (/** @type {string} */ name) => `${f.iso(name)} can’t receive files.`,
  },
  share: {
    heading: 'Who do you want to send this to?',
    failed: 'Sharing didn’t work',
    nobody: 'There’s nobody here yet. Connect with someone, and this goes to them.',
    someone: 'Someone new',
    text: 'Text to send',
    discard: 'Discard',
    problem: {
      many: 'That’s too many files at once. Share up to 1,000.',
      room: 'There’s no room for this in this browser. Remove something, then share again.',
      broken: 'What the other program shared couldn’t be read. Share it again.',
      gone: 'This was sent already, or it waited for more than an hour. Share it again.',
    },
  },
  closing: 'Some messages are still being sent.',
  details: {
    heading: 'Details',
    more: 'For the curious, and for bug reports.',
    yourId: 'Your ID',
    yourIdMore: 'Anyone who has it can ask to connect with you.',
    relay: 'Relay',
    address: 'Address',
    pinned: 'pinned on this device',
    state: 'State',
    states: { connecting: 'connecting', online: 'online', offline: 'offline', stopped: 'stopped' },
    tabs: 'Tabs',
    modes: {
      shared: 'all tabs share one engine (SharedWorker)',
      leader: 'one tab leads, the others share (Web Locks)',
      alone: 'each tab for itself',
    },
    offline: 'Without a network',
    offlineStates: { yes: 'works (service worker)', soon: 'after the next visit', no: 'doesn’t work here' },
    sessions: 'Sessions',
    noSessions: 'none',
    sessionState: { dialing: 'dialing', linked: 'linked', waiting: 'waiting', closed: 'closed' },
    current: 'in use',
    log: 'Log',
    copyLog: 'Copy log',
  },
  sees: {
    heading: 'What the server can see',
    lead:
      'The server passes encrypted messages between you and others. This is what it can learn from that, and ' +
      'what it can’t.',
    can: 'It can see',
    canList: [
      'the internet addresses of your devices',
      'your ID, and which IDs you talk to, allow or block',
      'when you are online, when you talk, and roughly how much',
      'the number in a code, and who uses it',
      'that you use Pairlink',
    ],
    cannot: 'It can’t see or do',
    cannotList: [
      'what you write: only your two devices can open it',
      'the names you give to people, or the name you use',
      'the words of a code, or the secret in an invitation link',
      'change, repeat or swap a message without your page noticing',
      'pose as one of your contacts',
    ],
    kept: 'What it keeps',
    keptText:
      'Your ID and when it was first and last seen. No messages: they wait on your device until the other person ' +
      'is there.',
    careful: 'What you trust it with',
    carefulText:
      'This page itself comes from the server. Whoever runs the server, or breaks into it, could serve a false ' +
      'page. If that worries you, use the command line program, or a copy of this page from a place ' +
      'you trust.',
    device: 'On this device',
    deviceText:
      'Your messages, the files you received and your identity are stored in this browser, unencrypted. ' +
      'Whoever can use this browser profile can read them.',
  },
});

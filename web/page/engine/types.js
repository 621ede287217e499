/**
 * The shapes of the data that flows through the page: what the database keeps, what the engine tells the tabs, and what
 * a tab shows. Types only; this module has no code.
 */

/** @typedef {typeof import('../../client/index.js')} ClientLibrary */
/** @typedef {import('../../client/index.js').Client} Client */
/** @typedef {import('../../client/index.js').Session} Session */
/** @typedef {import('../../client/index.js').Code} Code */
/** @typedef {import('../../client/core/transfer/transfer.js').Transfer} Transfer */
/** @typedef {import('../../client/core/transfer/file.js').TransferFile} TransferFile */
/** @typedef {import('../../client/core/transfer/send.js').Want} Want */
/** @typedef {typeof import('libsodium-wrappers-sumo')} Sodium */
/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {{channel: number, data: Uint8Array, taken: () => void}} SessionMessage a session's 'message' event */

/* ---- What the database keeps -------------------------------------------------------------------------- */

/**
 * How a contact came about. code: they used a code of ours; coded: we used theirs. invite: they used a link of ours;
 * invited: we used theirs. asked: we asked by their ID; knock: they asked, and were allowed. imported: from a copy of
 * an identity.
 * @typedef {'code' | 'coded' | 'invite' | 'invited' | 'asked' | 'knock' | 'imported'} Way
 */

/**
 * @typedef {object} Contact
 * @property {string} id
 * @property {Way} how
 * @property {string} name given by this person; '' if none
 * @property {string} hint what the contact calls itself; '' if unknown
 * @property {number} createdAt
 * @property {number | null} pairedAt when a session with it was first linked
 * @property {number} unread
 * @property {boolean} blocked
 * @property {string} [link] the invite link to dial by, until the first session is linked
 * @property {number} [linkAt] when that link was opened here
 * @property {{reason: string, text: string}} [problem] the other side answered that it does not let this one in
 * @property {string} [application] what the other side speaks: CHAT, PIPE or another
 * @property {boolean} [asked] the person was asked for a name for this contact
 * @property {string} [sure] the name that the person vouched for, although another contact has it
 * @property {number | null} [comparedAt] when the safety phrases were compared and were equal
 * @property {number} [accepts] bytes of files that are taken without asking; undefined: always ask
 * @property {{text: string, at: number, mine: 0 | 1}} [last] the newest message, shortened
 * @property {string} [saidRead] the newest id of theirs that was in view, and is said to have been read
 * @property {number} [readTo] the number of the newest own message that they have read
 */

/** @typedef {{id: string, name: string, at: number}} Knock a stranger who asks to be let in */

/**
 * @typedef {object} Invite
 * @property {string} secret hexadecimal; the key in maps and in the database
 * @property {Uint8Array | string} raw the secret as the client gave it
 * @property {string} link
 * @property {number} expiresAt
 * @property {number} createdAt
 */

/**
 * @typedef {object} Decision what was decided about the ID of somebody who is no contact
 * @property {string} id
 * @property {'ignore' | 'delete' | 'block'} kind delete: of a contact that was deleted
 * @property {string} name what this person knew it by, or what it called itself; '' if nothing
 * @property {number} at
 */

/** @typedef {{secret: string, raw: Uint8Array | string, at: number}} SpentInvite an invitation that is over */

/**
 * @typedef {object} Settings
 * @property {string} [name] what this person calls themselves
 * @property {string} [relayId] the pinned relay
 * @property {string} [banner] the last warning that was acknowledged
 * @property {Uint8Array} [instance]
 * @property {boolean} [typing] false: nobody sees that this person types, and this person does not see it of others
 * @property {boolean} [read] false: the same about what was read
 */

/**
 * @typedef {object} TextMessage
 * @property {number} n its number in the database: the order of a thread
 * @property {string} contact
 * @property {0 | 1} mine
 * @property {string} id 32 hex digits, made by the sender
 * @property {'text'} kind
 * @property {string} text
 * @property {number} at
 * @property {'waiting' | 'delivered' | 'received' | 'failed'} state failed: it could not be stored (view/outbox.js)
 * @property {string} [pending] the contact, until the message is delivered
 * @property {number} [written] of a text that came more than a minute after it was written: when that was
 * @property {string} [reply] the id of the message that it answers
 * @property {Quote | null} [quote] that message, as the tabs see it; null if it is not here. Not in the database
 */

/**
 * @typedef {object} FileMessage one card: a file, or the files of one folder or one choice
 * @property {number} n
 * @property {string} contact
 * @property {0 | 1} mine
 * @property {string} id of the group or of the one file
 * @property {'file'} kind
 * @property {string} text its name
 * @property {number} at
 * @property {'asking' | 'open' | 'saved' | 'over' | 'removed'} state
 * @property {FileAbout} file
 * @property {'person'} [held] paused by this person
 * @property {number} [saved] how many files were saved
 * @property {number} [failed] how many ended without being saved
 * @property {number} [why] FILE_… of the last that failed; 0: none failed
 * @property {boolean} [byPeer] whether the other side ended that one
 * @property {number} [passed] bytes that went out, repeated ones included
 * @property {boolean} [unasked] accepted without asking the person
 * @property {number} [stop] FILE_…: the rest of this group is not wanted
 * @property {PictureAbout[]} [pictures] its pictures that have a thumbnail; none: nobody looked for any yet
 */

/**
 * @typedef {{id: string, name: string, place: number, width: number, height: number}} PictureAbout id: of the file;
 *   place: in its card
 */

/** @typedef {{n: number, mine: 0 | 1, kind: 'text' | 'file', text: string}} Quote its text is shortened */

/** @typedef {TextMessage | FileMessage} Message */
/** @typedef {Omit<TextMessage, 'n'> | Omit<FileMessage, 'n'>} NewMessage */

/**
 * @typedef {object} FileAbout
 * @property {string} name
 * @property {number} size
 * @property {string} type the media type; '' for a group
 * @property {number} count of files
 * @property {boolean} folder
 * @property {string} group hexadecimal id; '' for a single file
 */

/**
 * @typedef {object} FileRecord one file of a card
 * @property {string} key contact:mine:id
 * @property {string} contact
 * @property {0 | 1} mine
 * @property {string} id
 * @property {number} card the number of its message
 * @property {string} path
 * @property {number} size
 * @property {number} flags FILE_FLAG_…
 * @property {string} type
 * @property {'queued' | 'open' | 'saved' | 'over'} state queued: of this side, and not offered yet
 * @property {number} n its place in the card
 * @property {1} [open] until it is over; the index of open records is by this field
 * @property {number} [modified] when the file was changed last
 * @property {number} [why] how it ended: 0 if saved, else FILE_…
 * @property {boolean} [byPeer]
 * @property {boolean} [told] the end was said while a session was linked
 */

/* ---- What the engine tells the tabs --------------------------------------------------------------------- */

/**
 * @typedef {object} ServerState
 * @property {Client['state']} state
 * @property {string | null} relayId
 * @property {string | null} pinned
 * @property {number | null} retryAt
 * @property {string | null} reason
 * @property {{expected: string, got: string} | null} changed the relay showed another key than the pinned one
 * @property {boolean} [everOnline]
 * @property {boolean} checking nothing comes from the relay, although this side is online
 */

/**
 * @typedef {object} ShownCode what the tabs see of an invitation's code
 * @property {'none' | 'making' | 'ready' | 'ended'} state
 * @property {string | null} text
 * @property {number | null} expiresAt
 * @property {number} busy how many others tried it at the same time
 * @property {string | null} problem
 */

/**
 * @typedef {object} ShownClaim what the tabs see of the code that is being tried
 * @property {number} n
 * @property {'trying' | 'paired' | 'ended'} state
 * @property {string | null} problem
 * @property {string | null} contact
 */

/** @typedef {'here' | 'away' | 'unknown'} Presence away: the relay says so. view/presence.js says what follows */
/**
 * @typedef {Omit<Contact, 'link' | 'saidRead'> & {presence: Presence, doubt: string | null,
 *   typing: boolean}} ShownContact
 */
/** @typedef {Omit<Invite, 'raw'> & {code: ShownCode}} ShownInvite */
/** @typedef {Knock & {known: string | null}} ShownKnock known: the contact whose name the stranger uses */

/**
 * @typedef {object} FileProgress what changes about a card while bytes move
 * @property {number | null} size null: unknown
 * @property {number} stored
 * @property {number | null} rate bytes per second
 * @property {number | null} left milliseconds
 * @property {number | null} still milliseconds since bytes last moved; null: they move, or should not
 * @property {boolean} accepted
 * @property {'' | 'person' | 'full'} heldHere
 * @property {'' | 'person' | 'full'} heldThere
 * @property {boolean} missing the bytes have to be chosen again
 * @property {boolean} checking
 * @property {number} saved files
 * @property {number} passed bytes
 * @property {string} contact
 * @property {boolean} asking whether it waits for this person to accept it
 * @property {number} count files
 * @property {boolean} folder
 */

/** @typedef {Record<number, FileProgress>} FilesProgress by the number of the message */

/**
 * @typedef {object} EngineState
 * @property {{id: string, name: string}} me
 * @property {ServerState} server
 * @property {boolean} secure
 * @property {string | null} banner
 * @property {ShownContact[]} contacts the one with the newest message first
 * @property {ShownInvite[]} invites
 * @property {ShownKnock[]} knocks
 * @property {Decision[]} turnedAway the newest first
 * @property {{secret: string, contact: string} | null} lastClaim the last invitation that was used, and by whom
 * @property {ShownClaim | null} claim
 * @property {boolean} elsewhere this identity is in use on another device, too
 * @property {{messages: number, transfers: number}} busy what closing the page would interrupt
 * @property {FilesProgress} files
 * @property {{typing: boolean, read: boolean}} talk what is told, and shown, of typing and of reading
 */

/** @typedef {EngineState & {tabs: number}} State */

/**
 * @typedef {object} Tell how the engine reaches the tabs
 * @property {() => void} state the state has changed
 * @property {(contact: string, list: Message[], gone?: number[]) => void} messages messages are new or have changed;
 *   gone: the numbers of those that were deleted
 * @property {(files: FilesProgress) => void} files
 * @property {(contact: string, text: string) => void} news a message came; shown as a notification when no tab is
 *   visible
 * @property {() => void} renewed another identity took over
 * @property {() => void} deleted everything was deleted
 */

/** @typedef {typeof import('./commands.js').commands} Commands */
/** @typedef {keyof Commands} Command */
/**
 * @template {Command} K
 * @typedef {Parameters<Commands[K]> extends [any, infer A] ? [A] : []} Arguments
 */
/**
 * @template {Command} K
 * @typedef {Awaited<ReturnType<Commands[K]>>} Answer
 */

/**
 * @typedef {object} FromTab a message of a tab
 * @property {string} cmd a command, or 'look' or 'bye'
 * @property {number} [seq] answered messages only
 * @property {any} [args]
 */

/**
 * @typedef {object} ToTab a message to a tab; one of its fields is set, but for `seq` and what answers it
 * @property {number} [seq]
 * @property {unknown} [value]
 * @property {{code: string, text: string}} [error]
 * @property {State} [state]
 * @property {{contact: string, list: Message[], gone?: number[]}} [messages]
 * @property {FilesProgress} [files]
 * @property {{contact: string, text: string}} [news]
 * @property {boolean} [renewed]
 * @property {boolean} [deleted]
 */

/** @typedef {{post: (message: ToTab) => void, hidden?: boolean}} Port one tab, as the engine sees it */

export {};

/** What a reply answers, in one or two lines. */
import { s } from '../../strings/index.js';

/** @param {{quote: import('../../engine/types.js').Quote, name: string}} props name: of the contact */
export const QuoteWords = ({ quote, name }) => (
  <>
    <span class="quote-who">
      <bdi>{quote.mine ? s.you : name}</bdi>
    </span>
    <span class="quote-text" dir="auto">
      {quote.text}
    </span>
  </>
);

/** An ID in groups of six, for people to compare: always from left to right, and copied without the gaps. */
/** @param {{value: string | null}} props */
export function Key({ value }) {
  return (
    <code class="key" dir="ltr" translate={false}>
      {(value ?? '').match(/.{1,6}/g)?.map((part, index) => (
        <span key={index}>{part}</span>
      ))}
    </code>
  );
}

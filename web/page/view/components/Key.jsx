/** An ID as people can compare it: groups of six, always left to right; copied without the gaps. */
export function Key({ value }) {
  return (
    <code class="key" dir="ltr" translate="no">
      {String(value ?? '')
        .match(/.{1,6}/g)
        ?.map((part, index) => (
          <span key={index}>{part}</span>
        ))}
    </code>
  );
}

/** The size and the lines of a QR code that the service drew; null for any other picture. */
function readPicture(svg: string): { readonly size: string; readonly lines: string } | null {
  const size = /viewBox="0 0 (\d{1,3}) \1"/.exec(svg)?.[1]
  const lines = /stroke="#000000" d="([Mmh\d. -]+)"/.exec(svg)?.[1]
  return size && lines ? { size, lines } : null
}

/** Drawn anew from its lines: nothing that came as text becomes markup. */
export function QrPicture({ svg, label }: { readonly svg: string; readonly label: string }) {
  const picture = readPicture(svg)
  if (!picture) return null
  const { size, lines } = picture
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      shape-rendering="crispEdges"
      role="img"
      aria-label={label}
    >
      <path fill="#fff" d={`M0 0h${size}v${size}H0z`} />
      <path stroke="#000" d={lines} />
    </svg>
  )
}

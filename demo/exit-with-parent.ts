// Preloaded into the service: it stops as on a signal when its standard input closes, however the
// demo ended.

process.stdin.on('close', () => {
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(1)
})
process.stdin.resume()

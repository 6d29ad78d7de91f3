// The progress of indexing sessions, as it changes. Without this script, the page is loaded again every few seconds.
for (const section of document.querySelectorAll('[data-events]')) {
  const bar = section.querySelector('progress')
  const events = new EventSource(section.dataset.events)
  events.addEventListener('session', (e) => {
    const session = JSON.parse(e.data)
    const p = session.progress
    if (['done', 'failed', 'cancelled'].includes(session.state)) {
      events.close()
      return location.reload()
    }
    section.dataset.state = section.querySelector('.state').textContent = session.state
    let text = session.cancelling ? 'Stopping' : session.waiting ? 'Waiting: ' + session.waiting : session.state === 'queued' ? 'Waiting for its turn' : `${p.read} of ${Math.max(p.found, p.read)} files read`
    if (session.state === 'running' && p.remaining_s > 0) text += `, about ${p.remaining_s < 90 ? Math.ceil(p.remaining_s) + ' s' : Math.ceil(p.remaining_s / 60) + ' min'} left`
    section.querySelector('.summary').textContent = text
    bar.max = Math.max(p.found, p.read, 1)
    bar.value = p.read
  })
}

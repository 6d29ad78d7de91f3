(() => {
  'use strict'
  const figures = [...document.querySelectorAll('figure')]
  const box = document.querySelector('dialog')
  const small = box.querySelector('.small'), full = box.querySelector('.full')
  const text = box.querySelector('p'), link = box.querySelector('a')
  let at = -1

  // The thumbnail is shown until the file has loaded, and stays if the browser cannot show the file: a raw file, or a missing one.
  function show(i) {
    if (i < 0 || i >= figures.length) return
    at = i
    const f = figures[i], thumb = f.querySelector('img')
    small.hidden = !thumb
    if (thumb) small.src = thumb.src
    full.hidden = true
    full.removeAttribute('src')
    const there = f.dataset.file && !('missing' in f.dataset)
    if (there) full.src = f.dataset.file
    link.hidden = !there
    if (there) link.href = f.dataset.file
    else link.removeAttribute('href')
    text.textContent = f.querySelector('figcaption').innerText.replace('\n', '  ')
    if (!box.open) box.showModal()
  }
  full.addEventListener('load', () => { full.hidden = false })
  full.addEventListener('error', () => { full.hidden = true })

  figures.forEach((f, i) => f.querySelector('button').addEventListener('click', () => show(i)))
  box.querySelector('.back').addEventListener('click', () => show(at - 1))
  box.querySelector('.next').addEventListener('click', () => show(at + 1))
  box.querySelector('.close').addEventListener('click', () => box.close())
  box.querySelector('.stage').addEventListener('click', () => box.close())
  box.addEventListener('close', () => { if (at >= 0) figures[at].querySelector('button').focus() })

  // Up and down move to the picture that is visually above or below.
  function neighbour(from, down) {
    const a = figures[from].getBoundingClientRect(), middle = a.left + a.width / 2
    let best = from, distance = Infinity
    figures.forEach((f, i) => {
      const b = f.getBoundingClientRect()
      const away = down ? b.top - a.top : a.top - b.top
      if (away < 1) return
      const d = away * 4 + Math.abs(b.left + b.width / 2 - middle)
      if (d < distance) { distance = d; best = i }
    })
    return best
  }
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || figures.length === 0) return
    const last = figures.length - 1
    if (box.open) {
      const to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, ' ': at + 1, Home: 0, End: last }[e.key]
      if (to !== undefined) { e.preventDefault(); show(to) }
      return
    }
    const now = figures.findIndex((f) => f.contains(document.activeElement))
    const to = {
      ArrowLeft: () => Math.max(now - 1, 0), ArrowRight: () => Math.min(now + 1, last), Home: () => 0, End: () => last,
      ArrowUp: () => now < 0 ? 0 : neighbour(now, false), ArrowDown: () => now < 0 ? 0 : neighbour(now, true),
    }[e.key]
    if (to) { e.preventDefault(); figures[to()].querySelector('button').focus() }
  })
})()

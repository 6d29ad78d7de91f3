// The viewer: one photo in full, with what is known about it.
import { ask, dayName } from './source.js'

const factor = 2.5

export class Viewer {
  constructor (box, on) {
    this.box = box
    this.on = on // step(by), closed(), toggle(), isChosen()
    this.stage = box.querySelector('.stage')
    this.small = box.querySelector('.small')
    this.full = box.querySelector('.full')
    this.wrong = box.querySelector('.wrong')
    this.name = box.querySelector('.name')
    this.info = box.querySelector('aside')
    this.buttons = Object.fromEntries([...box.querySelectorAll('[data-do]')].map((b) => [b.dataset.do, b]))
    this.link = box.querySelector('.download')
    const actions = {
      close: () => this.hide(),
      previous: () => this.on.step(-1),
      next: () => this.on.step(1),
      zoom: () => this.zoom(this.scale > 1 ? 1 : factor),
      select: () => this.on.toggle(),
      info: () => this.details(this.info.hidden)
    }
    for (const [name, button] of Object.entries(this.buttons)) button.addEventListener('click', actions[name])
    this.full.addEventListener('load', () => {
      this.full.hidden = false
      this.small.hidden = true
    })
    this.full.addEventListener('error', () => { this.wrong.hidden = !this.small.hidden && this.small.naturalWidth > 0 })
    this.small.addEventListener('error', () => { this.small.hidden = true })
    box.addEventListener('cancel', (e) => {
      e.preventDefault()
      this.hide()
    })
    box.addEventListener('close', () => this.ended())
    box.addEventListener('keydown', (e) => this.key(e))
    this.listen()
    this.scale = 1
  }

  get isOpen () { return this.box.open }

  // show shows a photo: id, and label if it is known. isAlone says that its place in the list is not known.
  show (item, position, isAlone = false) {
    this.id = item.id
    this.buttons.previous.disabled = this.buttons.next.disabled = isAlone
    const at = '/api/v1/pictures/' + item.id
    this.wrong.hidden = true
    this.full.hidden = true
    this.full.removeAttribute('src')
    this.small.hidden = false
    this.small.src = at + '/thumbnail'
    this.full.src = at + '/image'
    this.link.href = at + '/file'
    this.tell(item, position)
    this.zoom(1)
    this.mark()
    if (!this.box.open) this.box.showModal()
    this.isShown = true
    if (!this.info.hidden) this.details(true)
  }

  // tell names the photo.
  tell (item, position) {
    this.small.alt = this.full.alt = item.label || 'Photo'
    this.name.textContent = [item.label, position].filter(Boolean).join(' · ')
  }

  mark () { this.buttons.select.ariaPressed = String(this.on.isChosen()) }

  hide () {
    if (this.box.open) this.box.close()
    this.ended()
  }

  // ended is called when the viewer has closed; the browser's own event comes later than the next key.
  ended () {
    if (!this.isShown || this.box.open) return
    this.isShown = false
    this.on.closed()
  }

  // details shows what is known about the photo, or hides it.
  async details (isWanted) {
    this.info.hidden = !isWanted
    this.buttons.info.ariaExpanded = String(isWanted)
    this.box.classList.toggle('detailed', isWanted)
    if (!isWanted) return
    const id = this.id
    this.info.replaceChildren(...this.similarOf(id))
    try {
      const known = await ask('/api/v1/pictures/' + id)
      if (id === this.id) this.info.prepend(...factsOf(known))
    } catch (e) {
      if (id === this.id) this.info.prepend(element('p', e.message))
    }
  }

  similarOf (id) {
    const list = element('ul')
    list.className = 'strip'
    const more = element('a', 'More similar photos')
    more.href = '/?like=' + id
    ask(`/api/v1/pictures/${id}/similar?top=12`).then((found) => {
      for (const hit of found.results) {
        const link = element('a')
        link.href = '/?photo=' + hit.id
        const image = element('img')
        image.src = hit.links.thumbnail
        image.alt = hit.path.replace(/^.*[/\\]/, '') + (hit.taken_at ? ', ' + dayName(hit.taken_at) : '')
        link.append(image)
        const entry = element('li')
        entry.append(link)
        list.append(entry)
      }
    }, () => { list.replaceWith(element('p', 'Similar photos are not available for this photo.')) })
    const last = element('p')
    last.append(more)
    return [element('h2', 'Similar photos'), list, last]
  }

  key (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const act = {
      ArrowLeft: () => this.on.step(-1),
      ArrowRight: () => this.on.step(1),
      ArrowUp: () => this.on.step(-1),
      ArrowDown: () => this.on.step(1),
      Home: () => this.on.step(-Infinity),
      End: () => this.on.step(Infinity),
      '+': () => this.zoom(this.scale * 1.5),
      '-': () => this.zoom(this.scale / 1.5),
      0: () => this.zoom(1),
      i: () => this.details(this.info.hidden)
    }[e.key]
    if (!act || this.info.contains(e.target) && e.key.startsWith('Arrow')) return
    e.preventDefault()
    act()
  }

  // zoom enlarges the photo around a place of the stage, or its middle.
  zoom (scale, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    scale = Math.min(Math.max(scale, 1), 8)
    const by = scale / (this.scale || 1)
    const middleX = this.stage.clientWidth / 2; const middleY = this.stage.clientHeight / 2
    this.x = scale === 1 ? 0 : (this.x || 0) * by + (middleX - x) * (by - 1)
    this.yy = scale === 1 ? 0 : (this.yy || 0) * by + (middleY - y) * (by - 1)
    this.scale = scale
    this.place()
  }

  place () {
    const mostX = this.stage.clientWidth * (this.scale - 1) / 2; const mostY = this.stage.clientHeight * (this.scale - 1) / 2
    this.x = Math.min(Math.max(this.x, -mostX), mostX)
    this.yy = Math.min(Math.max(this.yy, -mostY), mostY)
    const transform = this.scale === 1 ? '' : `translate(${this.x}px, ${this.yy}px) scale(${this.scale})`
    this.small.style.transform = this.full.style.transform = transform
    this.buttons.zoom.ariaPressed = String(this.scale > 1)
  }

  // listen follows the wheel, the mouse and fingers: one finger swipes or moves an enlarged photo, two enlarge it.
  listen () {
    const fingers = new Map()
    let start; let spread
    this.stage.addEventListener('wheel', (e) => {
      e.preventDefault()
      this.zoom(this.scale * Math.exp(-e.deltaY / 400), e.offsetX, e.offsetY)
    }, { passive: false })
    this.stage.addEventListener('dblclick', (e) => this.zoom(this.scale > 1 ? 1 : factor, e.offsetX, e.offsetY))
    this.stage.addEventListener('pointerdown', (e) => {
      fingers.set(e.pointerId, e)
      this.stage.setPointerCapture(e.pointerId)
      start = { x: e.clientX, y: e.clientY, atX: this.x || 0, atY: this.yy || 0 }
      if (fingers.size === 2) spread = { distance: distance(fingers), scale: this.scale }
    })
    this.stage.addEventListener('pointermove', (e) => {
      if (!fingers.has(e.pointerId)) return
      fingers.set(e.pointerId, e)
      if (fingers.size === 2 && spread) {
        this.zoom(spread.scale * distance(fingers) / spread.distance)
      } else if (this.scale > 1) {
        this.x = start.atX + e.clientX - start.x
        this.yy = start.atY + e.clientY - start.y
        this.place()
      }
    })
    const end = (e) => {
      if (!fingers.delete(e.pointerId) || !start) return
      if (fingers.size) { // the other finger goes on from where it is
        const [rest] = fingers.values()
        start = { x: rest.clientX, y: rest.clientY, atX: this.x || 0, atY: this.yy || 0 }
        return
      }
      const x = e.clientX - start.x; const y = e.clientY - start.y
      const pinched = spread
      start = spread = undefined
      if (pinched || this.scale > 1 || e.type === 'pointercancel') return
      if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) this.on.step(x < 0 ? 1 : -1)
      else if (y > 90 && y > 2 * Math.abs(x)) this.hide()
    }
    this.stage.addEventListener('pointerup', end)
    this.stage.addEventListener('pointercancel', end)
  }
}

function distance (fingers) {
  const [a, b] = [...fingers.values()]
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1
}

function element (name, text) {
  const e = document.createElement(name)
  if (text) e.textContent = text
  return e
}

function sizeOf (bytes) {
  return bytes >= 1e6 ? (bytes / 1e6).toFixed(1) + ' MB' : bytes >= 1e3 ? Math.round(bytes / 1e3) + ' kB' : bytes + ' bytes'
}

// factsOf returns what is known about a photo: metadata, text, and files with their copies.
function factsOf (known) {
  const facts = [
    ['Taken', known.taken_at && dayName(known.taken_at) + (known.taken_at.length > 15 ? ', ' + known.taken_at.slice(11, 16) : '')],
    ['Size', known.width && `${known.width} × ${known.height}`],
    ['Camera', known.camera],
    ['Lens', known.lens],
    ['Place', known.place_name || (known.place && `${known.place.latitude.toFixed(4)}, ${known.place.longitude.toFixed(4)}`)],
    ['People', (known.people || []).join(', ')],
    ['Keywords', known.keywords.join(', ')],
    ['Description', known.description],
    ['Rating', known.rating > 0 ? '★'.repeat(Math.min(known.rating, 5)) : known.rating < 0 ? 'rejected' : ''],
    ['Labels', known.labels.map((l) => l.name).join(', ')]
  ]
  const list = element('dl')
  for (const [name, value] of facts) if (value) list.append(element('dt', name), element('dd', String(value)))
  const parts = [element('h2', 'Details'), list]
  if (known.text?.length) {
    const lines = element('ul')
    lines.className = 'lines'
    for (const line of known.text) lines.append(element('li', line.text))
    parts.push(element('h2', 'Text in the photo'), lines)
  }
  const files = element('ul')
  files.className = 'files'
  known.files.forEach((f, n) => {
    const entry = element('li')
    if (f.missing) entry.append(f.path + ' (missing)')
    else {
      const link = element('a', f.path)
      link.href = known.links.file + '?n=' + n
      link.download = ''
      entry.append(link)
    }
    entry.append(element('small', ` ${sizeOf(f.bytes)}${f.role === 'picture' ? '' : ', ' + f.role}`))
    files.append(entry)
  })
  parts.push(element('h2', known.files.length > 1 ? `${known.files.length} files` : 'File'), files)
  return parts
}

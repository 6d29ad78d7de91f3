// The grid: justified rows over any number of photos, of which only those near the window are in the document.

const gap = 4
// cap is the height of the scrolled box in pixels: browsers limit it (Blink to 2^24 device pixels at a ratio of 2, Gecko to 17.9 million). Above, scrolling is scaled.
const cap = 8e6
// A panorama, or a very tall photo, is cut to these ratios, in thousandths.
const narrowest = 400
const widest = 4000
// settle is how long the grid waits for photos to pass before it loads them, in milliseconds.
const settle = 80

// layOut divides photos into rows of equal width. It returns the number of rows, the first photo of each row, and its top in pixels.
export function layOut (ratios, total, width, target) {
  let first = new Uint32Array(Math.ceil(total / 3) + 16)
  let top = new Float64Array(first.length)
  let rows = 0; let y = 0; let i = 0
  while (i < total) {
    if (rows + 1 >= first.length) {
      first = grown(first, new Uint32Array(2 * first.length))
      top = grown(top, new Float64Array(2 * top.length))
    }
    first[rows] = i
    top[rows] = y
    let sum = 0; let n = 0
    while (i < total && (n === 0 || sum * target + (n - 1) * gap * 1000 < width * 1000)) {
      const r = ratios[i++]
      sum += r < narrowest ? narrowest : r > widest ? widest : r
      n++
    }
    const full = sum * target + (n - 1) * gap * 1000 >= width * 1000
    y += (full ? Math.min((width - (n - 1) * gap) * 1000 / sum, target * 1.6) : target) + gap
    rows++
  }
  first[rows] = total
  top[rows] = y
  return { rows, first, top, height: y }
}

function grown (from, to) {
  to.set(from)
  return to
}

export class Grid {
  constructor (scroller, box, on) {
    this.scroller = scroller
    this.box = box
    this.on = on // href(i), open(i), viewed(first, last), toggle(i, event), isChosen(i)
    this.pool = new Map() // by row
    this.focused = 0
    this.y = 0 // the top of what is shown, in pixels of the layout
    this.set = 0 // the scroll position that this code has set
    this.source = { total: 0, ratios: [], item: () => undefined, want: () => {} }
    this.plan = { rows: 0, first: [0], top: [0], height: 0 }
    scroller.addEventListener('scroll', () => this.scrolled(), { passive: true })
    box.addEventListener('keydown', (e) => this.key(e))
    this.listenToFingers()
    box.addEventListener('click', (e) => this.click(e))
    box.addEventListener('focusin', (e) => {
      const cell = e.target.closest('[data-i]')
      if (cell) this.rove(Number(cell.dataset.i))
    })
    new ResizeObserver(() => {
      if (!this.source.total) return
      if (this.box.clientWidth !== this.width) this.lay(true)
      else if (this.isAtEnd) this.moveTo(this.most) // where the last photo stays visible
      else this.paint()
    }).observe(scroller)
  }

  // show fills the grid with the photos of a source.
  show (source) {
    this.source = source
    this.focused = 0
    this.y = 0
    this.box.replaceChildren()
    this.box.classList.add('virtual')
    this.box.setAttribute('role', 'grid')
    this.box.setAttribute('aria-label', 'Photos')
    if (!source.total) {
      this.box.removeAttribute('role')
      this.box.removeAttribute('aria-label')
    }
    this.lay(false)
  }

  // lay computes the rows. The photo at the top stays there if it is to be kept.
  lay (keep) {
    const anchor = keep && this.plan.rows ? this.firstShown() : 0
    const into = keep && this.plan.rows ? this.y - this.plan.top[this.rowOf(anchor)] : 0
    const hadFocus = this.hasFocus()
    this.width = this.box.clientWidth
    const target = this.width < 600 ? 110 : 190
    const begin = performance.now()
    this.plan = layOut(this.source.ratios, this.source.total, this.width, target)
    this.took = performance.now() - begin
    this.box.style.height = Math.min(this.plan.height, cap) + 'px'
    this.box.setAttribute('aria-rowcount', this.plan.rows)
    for (const e of this.pool.values()) e.remove()
    this.pool.clear()
    if (keep) this.moveTo(this.plan.top[this.rowOf(anchor)] + into)
    else this.moveTo(this.y)
    if (hadFocus) document.getElementById('p' + this.focused)?.focus({ preventScroll: true })
  }

  hasFocus () { return this.box.contains(document.activeElement) }

  get scale () {
    const window = this.scroller.clientHeight
    const below = this.below()
    return this.plan.height <= cap ? 1 : (this.plan.height + below - window) / (cap + below - window)
  }

  // below is the height of what is in the scrolled box besides the grid.
  below () { return Math.max(0, this.scroller.scrollHeight - this.box.offsetHeight) }

  get most () { return Math.max(0, this.plan.height + this.below() - this.scroller.clientHeight) }

  // moveTo shows the layout from a height on.
  moveTo (y) {
    this.y = Math.min(Math.max(y, 0), this.most)
    this.isAtEnd = this.y > 0 && this.y >= this.most - 1
    this.set = Math.round(this.y / this.scale)
    this.scroller.scrollTop = this.set
    this.set = this.scroller.scrollTop
    this.rest(false)
    this.paint()
  }

  // rest waits until nothing moves, and then puts the scroll bar right if the user has moved it.
  rest (byUser) {
    clearTimeout(this.resting)
    this.resting = setTimeout(() => {
      if (byUser && this.scale !== 1) this.moveTo(this.y)
      this.on.rested(this.y)
    }, 250)
  }

  // scrolled follows the user. Small steps move by as many pixels as without a scale; the scroll bar is put right when they end.
  scrolled () {
    const at = this.scroller.scrollTop
    const by = at - this.set
    if (by === 0) return
    this.set = at
    if (this.scale === 1) this.y = at
    else if (at >= this.scroller.scrollHeight - this.scroller.clientHeight - 1) this.y = this.most
    else if (at > 0 && Math.abs(by) < 2 * this.scroller.clientHeight) this.y = Math.min(Math.max(this.y + by, 0), this.most)
    else this.y = Math.min(at * this.scale, this.most)
    this.isAtEnd = this.y > 0 && this.y >= this.most - 1
    this.rest(true)
    if (this.asked) return
    this.asked = true
    requestAnimationFrame(() => {
      this.asked = false
      this.paint()
    })
  }

  rowAt (y) { return lastAtMost(this.plan.top, this.plan.rows, y) }
  rowOf (i) { return lastAtMost(this.plan.first, this.plan.rows, i) }
  firstShown () { return this.plan.first[this.rowAt(this.y)] }

  // paint brings the rows near the window into the document.
  paint () {
    if (!this.plan.rows) return
    const { first, top, rows } = this.plan
    const window = this.scroller.clientHeight
    const from = this.rowAt(this.y - window / 2)
    const to = Math.min(rows - 1, this.rowAt(this.y + 1.5 * window))
    const offset = this.scroller.scrollTop - this.y
    for (const [r, e] of this.pool) {
      if (r < from || r > to) {
        if (e.contains(document.activeElement)) { // keep the focus
          e.style.transform = `translateY(${top[r] + offset}px)`
          continue
        }
        e.remove()
        this.pool.delete(r)
      }
    }
    for (let r = from; r <= to; r++) {
      let e = this.pool.get(r)
      if (!e) {
        e = this.newRow(r)
        this.pool.set(r, e)
        this.insert(r, e)
      }
      e.style.transform = `translateY(${top[r] + offset}px)`
    }
    this.on.viewed(this.firstShown(), Math.min(first[this.rowAt(this.y + window - 1) + 1], this.source.total) - 1)
    clearTimeout(this.loading)
    const load = () => this.source.want(first[from], first[to + 1] - 1)
    if (this.pool.size && performance.now() - (this.painted || 0) > 2 * settle) load()
    else this.loading = setTimeout(load, settle)
    this.painted = performance.now()
    // What is said about the photos may have taken a line from them: the last one stays visible.
    if (this.isAtEnd && this.y < this.most - 1) this.moveTo(this.most)
  }

  // insert keeps the rows in the order in which they are read.
  insert (r, e) {
    for (const next of this.box.children) {
      if (Number(next.ariaRowIndex) > r + 1) {
        next.before(e)
        return
      }
    }
    this.box.append(e)
  }

  newRow (r) {
    const { first, top } = this.plan
    const row = document.createElement('div')
    row.className = 'row'
    row.role = 'row'
    row.ariaRowIndex = String(r + 1)
    const height = top[r + 1] - top[r] - gap
    row.style.height = height + 'px'
    for (let i = first[r]; i < first[r + 1]; i++) row.append(this.newCell(i, height))
    return row
  }

  newCell (i, height) {
    const ratio = Math.min(Math.max(this.source.ratios[i], narrowest), widest)
    const cell = document.createElement('div')
    cell.role = 'gridcell'
    cell.dataset.i = i
    cell.style.width = ratio / 1000 * height + 'px'
    const link = document.createElement('a')
    link.id = 'p' + i
    link.href = this.on.href(i)
    link.tabIndex = i === this.focused ? 0 : -1
    const check = document.createElement('button')
    check.type = 'button'
    check.className = 'check'
    check.tabIndex = -1
    cell.append(link, check)
    this.fillCell(cell, i)
    return cell
  }

  fillCell (cell, i) {
    const item = this.source.item(i)
    const [link, check] = cell.children
    if (!item) {
      link.ariaLabel = 'Photo ' + (i + 1)
      check.ariaLabel = 'Select photo ' + (i + 1)
      return
    }
    link.href = this.on.href(i)
    link.removeAttribute('aria-label')
    const image = document.createElement('img')
    image.decoding = 'async'
    image.alt = item.label
    image.src = `/api/v1/pictures/${item.id}/thumbnail`
    image.addEventListener('error', () => {
      const name = document.createElement('span')
      name.className = 'absent'
      name.textContent = item.label.replace(/, (?=[^,]*$)/, '\n')
      image.replaceWith(name)
    })
    link.replaceChildren(image)
    check.ariaLabel = 'Select ' + item.name
    this.mark(cell, i)
  }

  // fill shows photos that were loaded.
  fill (from, to) {
    for (const cell of this.box.querySelectorAll('[data-i]')) {
      const i = Number(cell.dataset.i)
      if (i >= from && i <= to && !cell.querySelector('img, .absent')) this.fillCell(cell, i)
    }
  }

  mark (cell, i) {
    const chosen = this.on.isChosen(i)
    cell.classList.toggle('chosen', chosen)
    cell.querySelector('.check').ariaPressed = String(chosen)
  }

  // remark shows which photos are selected.
  remark () {
    for (const cell of this.box.querySelectorAll('[data-i]')) this.mark(cell, Number(cell.dataset.i))
  }

  rove (i) {
    const old = document.getElementById('p' + this.focused)
    if (old) old.tabIndex = -1
    this.focused = i
    const link = document.getElementById('p' + i)
    if (link) link.tabIndex = 0
  }

  // reveal scrolls to a photo, unless it is shown in full.
  reveal (i) {
    const r = this.rowOf(i)
    const window = this.scroller.clientHeight
    if (this.plan.top[r] < this.y) this.moveTo(this.plan.top[r] - gap)
    else if (this.plan.top[r + 1] > this.y + window) this.moveTo(this.plan.top[r + 1] - window + gap)
    else this.paint()
  }

  focus (i) {
    this.reveal(i)
    this.rove(i)
    document.getElementById('p' + i)?.focus({ preventScroll: true })
  }

  click (e) {
    const cell = e.target.closest('[data-i]')
    if (!cell) return
    const i = Number(cell.dataset.i)
    if (e.target.closest('.check') || this.on.isChoosing() && (e.shiftKey || matchMedia('(hover: none)').matches)) {
      e.preventDefault()
      this.on.toggle(i, e)
    } else if (e.target.closest('a') && !e.ctrlKey && !e.metaKey && !e.shiftKey && !e.altKey) {
      e.preventDefault()
      this.on.open(i)
    }
  }

  // listenToFingers selects a photo that is pressed for a while.
  listenToFingers () {
    let timer
    let pressed = false
    const stop = () => clearTimeout(timer)
    this.box.addEventListener('touchstart', (e) => {
      stop()
      pressed = false
      const cell = e.target.closest('[data-i]')
      if (!cell || e.touches.length > 1) return
      timer = setTimeout(() => {
        pressed = true
        this.on.toggle(Number(cell.dataset.i), e)
      }, 500)
    }, { passive: true })
    for (const end of ['touchmove', 'touchcancel']) this.box.addEventListener(end, stop, { passive: true })
    this.box.addEventListener('touchend', (e) => {
      stop()
      if (pressed) e.preventDefault() // it is not a tap
    })
    this.box.addEventListener('contextmenu', (e) => { if (pressed || e.pointerType === 'touch') e.preventDefault() })
  }

  // keyOfPage handles a key that nothing else has: it moves from what is shown.
  keyOfPage (e) {
    if (e.key === ' ' || !this.source.total) return
    const top = this.plan.top[this.rowOf(this.focused)]
    if (top < this.y - 1 || top > this.y + this.scroller.clientHeight) this.rove(this.firstShown())
    this.key(e)
  }

  key (e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.source.total) return
    const last = this.source.total - 1
    const rows = Math.max(1, Math.floor(this.scroller.clientHeight / 190))
    const move = {
      ArrowRight: () => this.focused + 1,
      ArrowLeft: () => this.focused - 1,
      ArrowDown: () => this.across(1),
      ArrowUp: () => this.across(-1),
      PageDown: () => this.across(rows),
      PageUp: () => this.across(-rows),
      Home: () => 0,
      End: () => last,
      ' ': () => { this.on.toggle(this.focused, e) }
    }[e.key]
    if (!move || e.target.matches('.check') && e.key === ' ') return
    e.preventDefault()
    const to = move()
    if (to !== undefined && to >= 0) this.focus(Math.min(to, last))
  }

  // across returns the photo that is some rows below, nearest to the middle of the one that has the focus.
  across (by) {
    const from = this.rowOf(this.focused)
    const to = Math.min(Math.max(from + by, 0), this.plan.rows - 1)
    if (to === from) return this.focused
    const middle = (r, i) => {
      let x = 0
      const height = this.plan.top[r + 1] - this.plan.top[r] - gap
      for (let k = this.plan.first[r]; ; k++) {
        const width = Math.min(Math.max(this.source.ratios[k], narrowest), widest) / 1000 * height
        if (k === i) return x + width / 2
        x += width + gap
      }
    }
    const x = middle(from, this.focused)
    let best = this.plan.first[to]
    for (let i = best; i < this.plan.first[to + 1]; i++) {
      if (Math.abs(middle(to, i) - x) < Math.abs(middle(to, best) - x)) best = i
    }
    return best
  }
}

// lastAtMost returns the last of the first n numbers, which are sorted, that is at most x.
function lastAtMost (numbers, n, x) {
  let low = 0; let high = n
  while (low < high - 1) {
    const middle = (low + high) >> 1
    if (numbers[middle] <= x) low = middle
    else high = middle
  }
  return low
}

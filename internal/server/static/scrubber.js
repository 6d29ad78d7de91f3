// The scrubber: a slider beside the grid that moves through the months.
import { monthName } from './source.js'

export class Scrubber {
  constructor (slider, grid) {
    this.slider = slider
    this.grid = grid
    this.labels = slider.querySelector('ol')
    this.tip = slider.querySelector('output')
    this.months = []
    this.now = 0
    this.chosen = -1
    slider.addEventListener('pointerdown', (e) => {
      slider.setPointerCapture(e.pointerId)
      this.drag(e)
    })
    slider.addEventListener('pointermove', (e) => {
      if (slider.hasPointerCapture(e.pointerId)) this.drag(e)
      else if (e.pointerType === 'mouse') this.point(e)
    })
    for (const end of ['pointerup', 'pointercancel', 'pointerleave']) slider.addEventListener(end, () => { this.tip.hidden = true })
    slider.addEventListener('keydown', (e) => this.key(e))
    new ResizeObserver(() => this.draw()).observe(slider)
  }

  show (months) {
    this.months = months
    this.chosen = -1
    this.slider.hidden = months.length < 2
    this.slider.ariaValueMax = String(Math.max(0, months.length - 1))
    this.draw()
    this.follow(0)
  }

  topOf (month) { return this.grid.plan.top[this.grid.rowOf(month.first)] }

  // draw writes the years beside their photos, as many as fit.
  draw () {
    const height = this.slider.clientHeight
    const all = this.grid.plan.height
    this.labels.replaceChildren()
    let year; let below = -Infinity
    for (const m of this.months) {
      const y = this.topOf(m) / all * height
      if (m.year === year || y < below + 22 || y > height - 16) continue
      year = m.year
      below = y
      const label = document.createElement('li')
      label.textContent = m.year || '–'
      label.style.top = y + 'px'
      this.labels.append(label)
    }
  }

  // follow shows which month is at the top of the grid. A month that a key has chosen stays while the row in which it begins is there: the row's first
  // photo may be of the month before.
  follow (first) {
    if (!this.months.length) return
    const chosen = this.months[this.chosen]
    if (chosen && this.grid.rowOf(chosen.first) === this.grid.rowAt(this.grid.y + 1)) this.mark(this.chosen)
    else this.mark(this.monthOf(first))
  }

  mark (k) {
    this.now = k
    this.slider.ariaValueNow = String(k)
    this.slider.ariaValueText = monthName(this.months[k])
  }

  // monthOf returns the number of the month of a photo.
  monthOf (i) {
    let k = 0
    while (k + 1 < this.months.length && this.months[k + 1].first <= i) k++
    return k
  }

  at (e) {
    const box = this.slider.getBoundingClientRect()
    return Math.min(Math.max((e.clientY - box.top) / box.height, 0), 1)
  }

  point (e) {
    const part = this.at(e)
    const first = this.grid.plan.first[this.grid.rowAt(part * this.grid.plan.height)]
    this.tip.textContent = monthName(this.months[this.monthOf(first)])
    this.tip.style.top = part * this.slider.clientHeight + 'px'
    this.tip.hidden = false
  }

  drag (e) {
    e.preventDefault()
    this.grid.moveTo(this.at(e) * this.grid.plan.height)
    this.point(e)
  }

  key (e) {
    const year = (by) => {
      let k = this.now
      while (k + by >= 0 && k + by < this.months.length && this.months[k].year === this.months[this.now].year) k += by
      return k
    }
    const to = {
      ArrowDown: () => this.now + 1,
      ArrowRight: () => this.now + 1,
      ArrowUp: () => this.now - 1,
      ArrowLeft: () => this.now - 1,
      PageDown: () => year(1),
      PageUp: () => year(-1),
      Home: () => 0,
      End: () => this.months.length - 1
    }[e.key]
    if (!to) return
    e.preventDefault()
    this.chosen = Math.min(Math.max(to(), 0), this.months.length - 1)
    this.grid.moveTo(this.topOf(this.months[this.chosen]))
    this.mark(this.chosen)
  }
}

package main

import "math"

// evening lists evening skies: the colours of the zenith, the horizon and the sun.
var evening = [][3]rgb{
	{{0.16, 0.22, 0.45}, {0.98, 0.55, 0.28}, {1, 0.88, 0.6}},
	{{0.25, 0.18, 0.40}, {0.95, 0.42, 0.40}, {1, 0.80, 0.55}},
	{{0.10, 0.30, 0.55}, {0.97, 0.75, 0.50}, {1, 0.95, 0.80}},
	{{0.35, 0.25, 0.45}, {1.00, 0.65, 0.20}, {1, 0.90, 0.50}},
}

// day is a noon sky: the colours of the zenith, the horizon and the sun.
var day = [3]rgb{{0.20, 0.45, 0.80}, {0.75, 0.87, 0.96}, {1, 1, 0.95}}

// sky paints a sky down to the horizon, with a sun of radius r at x, y, and clouds.
func (p *painter) sky(colours [3]rgb, horizon, x, y, r, clouds float64) {
	shift := p.between(0, 50)
	p.fill(func(px, py float64, _ rgb) rgb {
		c := mix(colours[0], colours[1], math.Pow(py/horizon, 1.3))
		cover := p.fractal(px*2.2+shift, py*7+shift, 5)
		lit := mix(rgb{0.95, 0.93, 0.93}, colours[2], 0.5)
		c = mix(c, mix(lit, mix(colours[0], colours[1], 0.6), 1-py/horizon), clouds*max(0, cover-0.42)*3)
		d := math.Hypot(px-x, py-y)
		c = mix(c, colours[2], 0.65*math.Exp(-d*d/(r*r*22)))
		return mix(c, rgb{1, 0.98, 0.92}, 1/(1+math.Exp((d-r)*400)))
	})
}

// coast paints the sea in the evening.
func coast(p *painter) {
	colours := evening[p.random.IntN(len(evening))]
	horizon := p.between(0.45, 0.6)
	x, y := p.between(0.25, 0.75)*p.aspect(), horizon-p.between(0.02, 0.15)
	p.sky(colours, horizon, x, y, p.between(0.03, 0.05), p.between(0.3, 1))
	p.headland(horizon, mix(colours[1], rgb{0.1, 0.08, 0.15}, 0.75))
	beach := p.between(0.82, 1.1)
	p.fill(func(px, py float64, was rgb) rgb {
		if py < horizon {
			return was
		}
		depth := (py - horizon) / (1 - horizon)
		wave := p.fractal(px*6/(0.12+depth), 40*math.Log(0.05+depth), 4)
		c := mix(mix(colours[1], colours[0], 0.25+0.7*depth), rgb{0.05, 0.1, 0.2}, 0.35)
		c = mix(c, colours[1], 0.5*max(0, wave-0.4))
		beside := (px - x) / (0.03 + 0.16*depth)
		path := math.Exp(-beside * beside)
		c = mix(c, colours[2], path*math.Pow(max(0, wave-0.25)*2, 1.5))
		shore := beach + 0.06*p.fractal(px*2, 3, 4) + 0.05*px
		if py > shore {
			sand := mix(rgb{0.45, 0.33, 0.25}, colours[1], 0.25+0.2*p.fractal(px*30, py*60, 3))
			return mix(rgb{0.95, 0.9, 0.85}, sand, (py-shore)*45)
		}
		return c
	})
}

// headland paints land on one side of the horizon.
func (p *painter) headland(horizon float64, c rgb) {
	side, height := p.random.IntN(2) == 0, p.between(0.03, 0.12)
	p.fill(func(px, py float64, was rgb) rgb {
		along := px / p.aspect()
		if side {
			along = 1 - along
		}
		top := horizon - height*max(0, 1-along*2.2)*(0.5+p.fractal(px*5, 9, 5))
		if py > top && py <= horizon {
			return mix(c, was, 0.15)
		}
		return was
	})
}

// ridge paints a chain of hills with tops around a height; shade returns the colour for a position and a depth below the top.
func (p *painter) ridge(top, rough, wide, at float64, shade func(px, py, depth float64) rgb) {
	p.fill(func(px, py float64, was rgb) rgb {
		edge := top + rough*(0.5-p.fractal(px*wide+at, at, 6))
		if py < edge {
			return was
		}
		return mix(was, shade(px, py, py-edge), (py-edge)*float64(p.h))
	})
}

// ridges paints layers of mountains in haze.
func ridges(p *painter) {
	colours := evening[p.random.IntN(len(evening))]
	if p.random.IntN(2) == 0 {
		colours = day
	}
	p.sky(colours, 0.75, p.between(0.2, 0.8)*p.aspect(), p.between(0.15, 0.4), 0.035, p.between(0.2, 0.8))
	near := mix(rgb{0.05, 0.12, 0.10}, rgb{0.10, 0.08, 0.16}, p.random.Float64())
	for layer := range 5 {
		t := float64(layer) / 4
		haze := mix(mix(colours[1], colours[0], 0.35), near, 0.15+0.8*t)
		p.ridge(0.48+0.11*float64(layer), 0.5-0.05*float64(layer), 1.2+0.6*t, 31*float64(layer+1), func(_, _, depth float64) rgb {
			return mix(haze, colours[1], 0.5*(1-t)*min(1, depth*4))
		})
	}
}

// night paints a night sky with stars, a band like the Milky Way, a moon and dark hills.
func night(p *painter) {
	x, y, r := p.between(0.2, 0.8)*p.aspect(), p.between(0.15, 0.35), p.between(0.025, 0.05)
	tilt := p.between(-0.6, 0.6)
	p.sky([3]rgb{{0.01, 0.02, 0.08}, {0.10, 0.16, 0.34}, {0.75, 0.80, 0.90}}, 0.9, x, y, r, 0)
	p.fill(func(px, py float64, was rgb) rgb {
		off := py - 0.4 - tilt*(px-p.aspect()/2)
		band := math.Exp(-off*off*25) * p.fractal(px*4, py*4, 5)
		return mix(was, rgb{0.55, 0.50, 0.70}, 0.5*band)
	})
	for range 900 {
		i, light := p.random.IntN(len(p.pixels)), p.between(0.2, 1)
		p.pixels[i] = mix(p.pixels[i], rgb{1, 1, 0.95}, light)
		if light > 0.93 && i+p.w+1 < len(p.pixels) {
			p.pixels[i+1], p.pixels[i+p.w], p.pixels[i+p.w+1] = rgb{0.8, 0.85, 1}, rgb{0.8, 0.85, 1}, rgb{0.7, 0.75, 0.9}
		}
	}
	for layer := range 3 {
		dark := mix(rgb{0.07, 0.10, 0.20}, rgb{0.01, 0.01, 0.03}, float64(layer)/2)
		p.ridge(0.78+0.09*float64(layer), 0.35, 1.6, 13*float64(layer+1), func(_, _, _ float64) rgb { return dark })
	}
}

// snow paints white mountains by day above dark woods.
func snow(p *painter) {
	p.sky(day, 0.7, -1, -1, 0.03, p.between(0.5, 1.2))
	for layer := range 2 {
		shift := 41 * float64(layer+1)
		p.ridge(0.40+0.14*float64(layer), 0.75-0.2*float64(layer), 1.6, shift, func(px, py, depth float64) rgb {
			slope := p.fractal(px*9+shift, py*9, 5) - p.fractal(px*9+shift+0.15, py*9, 5)
			c := mix(rgb{0.93, 0.95, 1}, rgb{0.45, 0.55, 0.72}, 0.4+6*slope)
			rock := p.fractal(px*14, py*10+shift, 5)
			return mix(c, rgb{0.28, 0.27, 0.30}, max(0, rock-0.5)*9*min(1, 0.3+depth*3))
		})
	}
	for layer := range 3 {
		dark := mix(rgb{0.20, 0.30, 0.32}, rgb{0.04, 0.09, 0.07}, float64(layer)/2)
		shift := 7 * float64(layer+1)
		p.ridge(0.80+0.07*float64(layer), 0.16, 2, shift, func(px, _, depth float64) rgb {
			return mix(dark, rgb{0.02, 0.05, 0.04}, 0.4*p.noise(px*60, depth*30))
		})
		p.firs(0.80+0.07*float64(layer), shift, 0.05+0.03*float64(layer), dark)
	}
}

// firs paints firs on a ridge.
func (p *painter) firs(top, at, height float64, c rgb) {
	for range int(60 * p.aspect()) {
		x := p.between(0, p.aspect())
		foot := top + 0.16*(0.5-p.fractal(x*2+at, at, 6)) + 0.02
		tall := height * p.between(0.6, 1.3)
		for j := max(0, int((foot-tall)*float64(p.h))); j < min(p.h, int(foot*float64(p.h))); j++ {
			down := 1 - (foot-float64(j)/float64(p.h))/tall
			half := tall * 0.22 * down * (0.65 + 0.35*math.Abs(math.Sin(down*16)))
			for i := max(0, int((x-half)*float64(p.h))); i <= min(p.w-1, int((x+half)*float64(p.h))); i++ {
				p.pixels[j*p.w+i] = mix(c, rgb{0, 0.02, 0.02}, 0.5*down)
			}
		}
	}
}

// dunes paints sand dunes under a clear sky.
func dunes(p *painter) {
	colours := [3]rgb{{0.22, 0.42, 0.70}, {0.95, 0.80, 0.62}, {1, 0.95, 0.8}}
	p.sky(colours, 0.6, p.between(0.1, 0.9)*p.aspect(), p.between(0.2, 0.45), 0.03, 0.1)
	for layer := range 4 {
		t, shift := float64(layer)/3, 23*float64(layer+1)
		p.ridge(0.52+0.13*float64(layer), 0.35, 0.9, shift, func(px, py, depth float64) rgb {
			rise := p.fractal(px*0.9+shift+0.04, shift, 3) - p.fractal(px*0.9+shift, shift, 3)
			light := mix(rgb{0.55, 0.30, 0.16}, rgb{0.96, 0.70, 0.42}, 0.5+14*rise*(0.6+0.4*t))
			ripple := 0.5 + 0.5*math.Sin((py*220-px*30+6*p.fractal(px*5, py*9, 3))/(0.4+t))
			return mix(light, rgb{0.45, 0.24, 0.14}, (0.10*ripple+0.25*min(1, depth*3))*(0.4+0.6*t))
		})
	}
}

package main

// pool is a bounded number of goroutines; they are there when they are first needed.
type pool struct {
	places chan struct{}
	work   chan func()
}

func newPool(size int) *pool {
	return &pool{places: make(chan struct{}, size), work: make(chan func())}
}

// schedule waits while all goroutines are busy.
func (p *pool) schedule(task func()) {
	select {
	case p.work <- task:
	case p.places <- struct{}{}:
		go p.run(task)
	}
}

func (p *pool) run(task func()) {
	for {
		task()
		task = <-p.work
	}
}

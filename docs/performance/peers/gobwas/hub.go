package main

import "sync"

type channel struct {
	order sync.Mutex // of one publication after the other
	users map[*user]struct{}
}

type hub struct {
	lock     sync.RWMutex
	channels map[string]*channel
}

func newHub() *hub { return &hub{channels: map[string]*channel{}} }

func (h *hub) subscribe(name string, who *user) {
	h.lock.Lock()
	defer h.lock.Unlock()
	to := h.channels[name]
	if to == nil {
		to = &channel{users: map[*user]struct{}{}}
		h.channels[name] = to
	}
	to.users[who] = struct{}{}
	who.channels = append(who.channels, name)
}

func (h *hub) leave(who *user) {
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, name := range who.channels {
		from := h.channels[name]
		delete(from.users, who)
		if len(from.users) == 0 {
			delete(h.channels, name)
		}
	}
	who.channels = nil
}

// deliver gives the frame to all subscribers; who of them writes waits for no lock of the hub.
func (h *hub) deliver(name string, frame []byte) {
	h.lock.RLock()
	to := h.channels[name]
	h.lock.RUnlock()
	if to == nil {
		return
	}
	to.order.Lock()
	defer to.order.Unlock()
	h.lock.RLock()
	users := make([]*user, 0, len(to.users))
	for who := range to.users {
		users = append(users, who)
	}
	h.lock.RUnlock()
	for _, who := range users {
		who.send(frame)
	}
}

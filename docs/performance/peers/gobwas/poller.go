package main

import (
	"errors"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller tells who has something to read. Each is told of once, and again after resume.
type poller struct {
	epoll int
	lock  sync.RWMutex
	users []*user // by file descriptor
}

const readable = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &poller{epoll: epoll}, err
}

func (p *poller) add(who *user) error {
	raw, err := who.connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(descriptor uintptr) { who.descriptor = int(descriptor) }); err != nil {
		return err
	}
	p.lock.Lock()
	for len(p.users) <= who.descriptor {
		p.users = append(p.users, nil)
	}
	p.users[who.descriptor] = who
	p.lock.Unlock()
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, who.descriptor, event(who))
}

func (p *poller) resume(who *user) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, who.descriptor, event(who))
}

func (p *poller) remove(who *user) {
	p.lock.Lock()
	p.users[who.descriptor] = nil
	p.lock.Unlock()
	unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, who.descriptor, nil)
}

func event(who *user) *unix.EpollEvent {
	return &unix.EpollEvent{Events: readable, Fd: int32(who.descriptor)}
}

func (p *poller) run(ready func(*user)) {
	events := make([]unix.EpollEvent, 256)
	for {
		count, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			panic(err)
		}
		for _, each := range events[:max(count, 0)] {
			p.lock.RLock()
			who := p.users[each.Fd]
			p.lock.RUnlock()
			if who != nil {
				ready(who)
			}
		}
	}
}

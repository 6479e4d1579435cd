#pragma once

namespace carillon {

/// Work that is done in portions, so that whoever shares a thread with it gets his turn in between.
class paced_work {
public:
    /// A new turn has begun: the next portion may be done.
    virtual void renew() noexcept = 0;
    /// Does what the turn's portion allows. True: nothing is left.
    virtual bool go_on() = 0;
    /// So much is left that whoever adds to it must wait.
    virtual bool congested() const noexcept = 0;

protected:
    ~paced_work() = default;
};

} // namespace carillon

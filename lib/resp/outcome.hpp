#pragma once

namespace carillon::resp {

/// What a parser found at the start of a buffer.
enum class outcome {
    complete,  ///< one whole command or reply; drop the bytes it consumed
    need_more, ///< a good beginning; call again when the buffer has grown
    failed,    ///< not RESP, or beyond a limit; the stream has lost its meaning and the connection must close
};

} // namespace carillon::resp

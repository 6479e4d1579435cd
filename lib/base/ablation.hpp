#pragma once

/// What a build can leave out of the article's optimisations, to measure what each is worth: tests/bench/ablation
/// compiles single files again with one of these macros. In everything else all three are false, and what they stand
/// before is not compiled in.
namespace carillon::ablation {

#ifdef CARILLON_PARKED_READERS
inline constexpr bool parked_readers = true;
#else
/// Each connection keeps its reading coroutine and its lease, so a buffer of its own, until it ends.
inline constexpr bool parked_readers = false;
#endif

#ifdef CARILLON_PARKED_WRITERS
inline constexpr bool parked_writers = true;
#else
/// Each connection keeps a writing coroutine with a buffer, which is woken for whatever there is to send.
inline constexpr bool parked_writers = false;
#endif

#ifdef CARILLON_SINGLE_SENDS
inline constexpr bool single_sends = true;
#else
/// Publications that follow each other are not sent together.
inline constexpr bool single_sends = false;
#endif

} // namespace carillon::ablation

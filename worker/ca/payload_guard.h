// Shell. Stands in front of libca's dispatch of what came over a circuit: a message whose values are not all
// there never reaches the code that would convert them.
//
// libca takes a message's count for granted (through 7.0.10 at least): it converts and hands out what lies
// behind the payload, other channels' values first, then whatever ends the process. Its functions are called
// through its own procedure linkage table, so that a function of the same name in the program takes the place
// of `cac::executeResponse`; it looks, and calls the original. What does not fit is made an answer with the
// status ECA_BADCOUNT and a type that is none, which libca passes to the subscription without a conversion.
//
// A libca that was linked otherwise calls its own function, and is as it ever was.
#pragma once

namespace e2k::worker::ca {

// Of the callback that runs on this thread: libca was about to read what is not there.
bool payload_was_refused() noexcept;

}  // namespace e2k::worker::ca

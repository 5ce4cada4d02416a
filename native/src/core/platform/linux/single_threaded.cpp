// glibc has this from 2.32 on, and libstdc++ reads it to count references without atomic operations as long as there is
// one thread. A game always has several, so that ours is enough, and the library loads with an older glibc too.
extern "C" {
[[gnu::visibility("hidden")]] char __libc_single_threaded = 0;
}

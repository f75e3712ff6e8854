// How the driver gets into the page cache.
#ifndef TSOCI_NATIVE_LAUNCHER_PAGE_CACHE_H_
#define TSOCI_NATIVE_LAUNCHER_PAGE_CACHE_H_

namespace tsoci::launcher {

/// Reads what the page cache lacks of the program at `path` into it, in huge pages. The kernel
/// caches a file in pieces as large as the reads that brought it in, and the page faults of a
/// program that starts bring in small ones; with huge ones every later start takes 200 faults
/// fewer. Fails in silence: it is only about time. Costs 20 microseconds when there is nothing to
/// do, and otherwise little more than the faults would (madvise(2), MADV_HUGEPAGE: Linux 5.18, for
/// files of filesystems that have large folios, as xfs and, since 6.16, ext4).
void read_in_huge_pages(const char* path);

}  // namespace tsoci::launcher

#endif  // TSOCI_NATIVE_LAUNCHER_PAGE_CACHE_H_

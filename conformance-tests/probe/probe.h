// What the probe can see and try; each function adds properties to the report that is being
// written.
#ifndef TSOCI_PROBE_H
#define TSOCI_PROBE_H

#include <sys/types.h>

// Must run first: the rest of the probe opens files and changes the umask.
void note_inherited(void);
void see_process(int argument_count, char** arguments);
void see_limits_and_scheduling(void);
void see_files(void);
void see_mounts(void);
void see_network(void);
void see_terminals(void);
void see_namespaces(void);

// Tries one operation on a path and adds an object to the list of tries. 0 when there is no such
// operation.
int try_path(const char* operation, const char* path);
const char* errno_name(int number);
// Looks into every other process for ever, and adds what it finds to a file, each thing once: "init" for
// one that a runtime is still preparing, "host" where `path` is to be had by way of one, "write" where
// its program could be changed, and the targets of descriptors.
void spy_for_ever(const char* path, const char* file);
// Reads at most `room` - 1 bytes and ends them with NUL; -1 when the file cannot be read.
ssize_t read_file(const char* path, char* buffer, size_t room);

#endif

// A writer for the probe's report. Commas are the writer's business, so that a caller only names
// values.
#ifndef TSOCI_PROBE_JSON_H
#define TSOCI_PROBE_JSON_H

#include <stddef.h>

// In all of these, `name` is the property's name, or NULL for an element of a list.
void json_begin_object(const char* name);
void json_end_object(void);
void json_begin_list(const char* name);
void json_end_list(void);
void json_string(const char* name, const char* value);
void json_bytes(const char* name, const char* value, size_t length);
void json_number(const char* name, long long value);
void json_bool(const char* name, int value);
void json_null(const char* name);
// A string made by printf's rules: for ids that JavaScript's numbers cannot hold.
void json_format(const char* name, const char* format, ...) __attribute__((format(printf, 2, 3)));
// Writes the document to `fd` and forgets it.
void json_flush(int fd);

#endif

/*
 * compose-secure-env [NAME=FILE | =N=FILE]... -- PROGRAM [ARG...]
 *
 * Sets each NAME to the exact content of FILE, puts that of another in the
 * place of argument N (PROGRAM is 0) and becomes PROGRAM, which is looked up in
 * PATH. For images without a shell, and for variables that a shell cannot hold.
 * It allocates nothing, forks nothing and links nothing.
 *
 * Exit: 2 usage, 111 a FILE cannot be used, 127 PROGRAM not found,
 * 126 PROGRAM cannot be run; otherwise PROGRAM's own.
 */

enum { STRING_MAX = 131072 }; /* the kernel's MAX_ARG_STRLEN, with the final NUL */
enum { ENOENT = 2, E2BIG = 7, EACCES = 13, ENOTDIR = 20, EISDIR = 21 };
enum { AT_FDCWD = -100, O_CLOEXEC = 02000000 };

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_execve = 59, SYS_exit = 231, SYS_openat = 257 };
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n\thlt\n");
static long sys(long n, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return n;
}
#elif defined(__aarch64__)
enum { SYS_read = 63, SYS_write = 64, SYS_execve = 221, SYS_exit = 94, SYS_openat = 56 };
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl begin\n\tbrk #1\n");
static long sys(long n, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x3 __asm__("x3") = d;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#endif

/* More than the kernel takes as arguments and environment (6 MiB at most); pages that are not used cost nothing. */
static char arena[8 << 20];
static char *next = arena;

static unsigned long length(const char *s)
{
	unsigned long n = 0;
	while (s[n])
		n++;
	return n;
}

static void say(const char *s) { sys(SYS_write, 2, (long)s, length(s), 0); }

__attribute__((noreturn)) static void die(int code, const char *kind, const char *what, const char *file, long err)
{
	say("compose-secure-env: ");
	say(kind);
	say(what);
	say(*file ? ": " : "");
	say(file);
	say(err == -ENOENT ? ": not found" : err == -EACCES ? ": permission denied" :
	    err == -EISDIR ? ": is a directory" : err == -E2BIG ? ": too large for Linux" :
	    err ? ": cannot be used" : "");
	say("\n");
	for (;;)
		sys(SYS_exit, code, 0, 0, 0);
}

/* Reserves n bytes, aligned for a pointer. */
static char *reserve(unsigned long n)
{
	char *p = next;
	n = (n + 7) & ~7ul;
	if (n > (unsigned long)(arena + sizeof arena - next))
		die(111, "", "arguments and environment", "", -E2BIG);
	next += n;
	return p;
}

/* Length of NAME in NAME=..., 0 when there is none. */
static unsigned long name_length(const char *s)
{
	unsigned long n = 0;
	while (s[n] && s[n] != '=')
		n++;
	return s[n] ? n : 0;
}

static int same(const char *a, const char *b, unsigned long n)
{
	while (n && *a == *b)
		a++, b++, n--;
	return n == 0;
}

/* Reads FILE of NAME=FILE behind the first "keep" bytes of it, which is all of NAME= or none. */
static char *load(const char *kind, char *arg, unsigned long n, unsigned long keep)
{
	char *entry = reserve(STRING_MAX + 1), *file = arg + n + 1;
	unsigned long used = keep;
	long fd = sys(SYS_openat, AT_FDCWD, (long)file, O_CLOEXEC, 0), got = fd;

	for (unsigned long i = 0; i < used && i < STRING_MAX; i++)
		entry[i] = arg[i];
	while (fd >= 0 && used < STRING_MAX && (got = sys(SYS_read, fd, (long)(entry + used), STRING_MAX - used, 0)) > 0)
		used += got;
	if (used >= STRING_MAX)
		got = -E2BIG;
	for (unsigned long i = keep; got == 0 && i < used; i++)
		if (entry[i] == 0)
			got = -1;
	if (got < 0) {
		arg[n] = 0; /* leaves NAME */
		die(111, kind, arg, file, got);
	}
	entry[used] = 0;
	next = entry + ((used + 8) & ~7ul); /* gives back what was not needed */
	return entry;
}

/* Puts the content of FILE of N=FILE in the place of argv[N]. */
static void place(char *arg, char **argv, unsigned long argc)
{
	unsigned long n = name_length(arg), at = 0;

	for (unsigned long i = 0; i < n; i++)
		at = arg[i] < '0' || arg[i] > '9' || at > argc ? argc : at * 10 + (arg[i] - '0');
	if (n == 0 || at >= argc)
		die(2, "", "no such argument", arg, 0);
	argv[at] = load("argument ", arg, n, 0);
}

/* Runs PROGRAM, found as execvp(3) finds it; returns the error. */
static long run(char **argv, char **env, const char *path)
{
	unsigned long n = length(argv[0]);
	long err = -ENOENT, e;

	for (const char *p = argv[0]; *p; p++)
		if (*p == '/')
			return sys(SYS_execve, (long)argv[0], (long)argv, (long)env, 0);
	for (const char *end; n; path = end + 1) {
		for (end = path; *end && *end != ':'; end++)
			;
		char *saved = next, *file = reserve(end - path + n + 2), *f = file;
		while (path < end)
			*f++ = *path++;
		if (f > file)
			*f++ = '/';
		for (unsigned long i = 0; i <= n; i++)
			f[i] = argv[0][i];
		e = sys(SYS_execve, (long)file, (long)argv, (long)env, 0);
		next = saved;
		if (e == -EACCES)
			err = e;
		else if (e != -ENOENT && e != -ENOTDIR)
			return e;
		if (!*end)
			break;
	}
	return err;
}

__attribute__((noreturn, used)) void begin(long *stack)
{
	long argc = stack[0], vars = 0, count = 0;
	char **argv = (char **)(stack + 1), **old = argv + argc + 1;
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	while (1 + vars < argc && !same(argv[1 + vars], "--", 3))
		vars++;
	if (2 + vars >= argc)
		die(2, "", "usage: compose-secure-env [NAME=FILE | =N=FILE]... -- PROGRAM [ARG...]", "", 0);
	while (old[count])
		count++;
	char **env = (char **)reserve((count + vars + 1) * sizeof *env);
	for (long i = 0; i < count; i++)
		env[i] = old[i];
	for (long i = 1; i <= vars; i++) {
		unsigned long n = name_length(argv[i]);
		long at = 0;
		if (argv[i][0] == '=') {
			place(argv[i] + 1, argv + 2 + vars, argc - 2 - vars);
			continue;
		}
		if (n == 0)
			die(2, "", "not of the form NAME=FILE", argv[i], 0);
		while (at < count && !same(env[at], argv[i], n + 1))
			at++;
		env[at] = load("", argv[i], n, n + 1);
		if (at == count)
			count++;
	}
	env[count] = 0;
	for (long i = 0; i < count; i++)
		if (same(env[i], "PATH=", 5))
			path = env[i] + 5;
	argv += 2 + vars;
	long err = run(argv, env, path);
	die(err == -ENOENT ? 127 : 126, "", "program", argv[0], err);
}

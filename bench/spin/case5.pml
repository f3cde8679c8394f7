/*
 * CASE 5 of Documentation/core-api/pin_user_pages.rst, in Promela: a driver holds anonymous pages, writes to them and
 * releases them, while the process forks and stores, further threads store, and memory is written to swap. The same
 * mechanism, step for step, as engine/ runs: an atomic step here is a transition there, and a state here is a state
 * there, plus one for `init`.
 *
 *   -DPIN    pin_user_pages_fast() and unpin_user_page(); without it get_user_pages_fast() and put_page()
 *   -DP=n    pages, at most 4 (default 3)
 *
 * Property: at the end, no byte that the driver wrote is lost to the process.
 */
#ifndef P
#define P 3
#endif

/* Live at once, for each page: the parent's, the child's, and the one that the driver holds. */
#define FRAMES (3 * P)
#define NONE 255
#define BIAS 1024

#ifdef PIN
#define GRAB BIAS
#else
#define GRAB 1
#endif

/* Content bits: the old bytes, one bit for each of three storing threads, one for each page that the driver writes. */
#define OLD 1
#define STORE(n) (2 << (n))
#define WRITTEN(page) (16 << (page))

/* Page table entries: bits here, frame or swap slot in pte_at. Entry of process `proc` for page `v`. */
#define PRESENT 1
#define WRITE 2
#define DIRTY 4
#define SWAP 8
#define SWAP_EXCLUSIVE 16
#define PARENT(v) (v)
#define CHILD(v) (P + (v))
#define MAPS(entry, frame) ((pte[entry] & PRESENT) && pte_at[entry] == (frame))

/* Folio flags. */
#define F_DIRTY 1
#define F_REFERENCED 2
#define F_ACTIVE 4
#define F_SWAPCACHE 8
#define F_EXCLUSIVE 16

byte pte[2 * P];
byte pte_at[2 * P];

short ref[FRAMES];
byte mapcount[FRAMES];
byte flags[FRAMES];
byte content[FRAMES];
/* Swap slot + 1 of a folio in the swap cache. */
byte swap_of[FRAMES];

byte swap_content[P];
byte swap_users[P];
/* Frame + 1 in the swap cache. */
byte swap_cached[P];

bool child_alive;
bool has_pinned;
byte acquired;
byte released;
/* Bits that the driver wrote since the fork. */
byte since_fork;
/* Frame + 1 of each array slot of the driver. */
byte held[P];
/* The driver has returned: the run is over. */
bool done;

/* Scratch of atomic steps: not part of a state. */
hidden byte v;
hidden byte e;
hidden byte f;
hidden byte copy;
hidden byte slot;
hidden byte kept;
hidden byte was_exclusive;

/* The lowest free frame, with one reference. */
inline alloc(frame, bits, bytes) {
	frame = 0;
	do
	:: ref[frame] != 0 -> frame++
	:: else -> break
	od;
	ref[frame] = 1;
	flags[frame] = bits;
	content[frame] = bytes
}

inline put(frame, refs) {
	ref[frame] = ref[frame] - (refs);
	if
	:: ref[frame] == 0 ->
		flags[frame] = 0;
		content[frame] = 0;
		swap_of[frame] = 0
	:: else
	fi
}

inline map_page(entry, frame, bits) {
	pte[entry] = PRESENT | (bits);
	pte_at[entry] = frame;
	mapcount[frame]++
}

inline unmap_page(entry, frame) {
	pte[entry] = 0;
	pte_at[entry] = 0;
	mapcount[frame]--;
	put(frame, 1)
}

inline add_to_swap_cache(frame, s) {
	swap_cached[s] = frame + 1;
	flags[frame] = flags[frame] | F_SWAPCACHE;
	swap_of[frame] = s + 1;
	ref[frame]++
}

/* Leaves the swap cache; the caller drops the cache's reference. */
inline forget_swap_cache(frame) {
	swap_cached[swap_of[frame] - 1] = 0;
	flags[frame] = flags[frame] & ~F_SWAPCACHE;
	swap_of[frame] = 0
}

/* folio_free_swap() */
inline free_swap(frame) {
	if
	:: (flags[frame] & F_SWAPCACHE) && swap_users[swap_of[frame] - 1] == 0 ->
		flags[frame] = flags[frame] | F_DIRTY;
		forget_swap_cache(frame);
		put(frame, 1)
	:: else
	fi
}

/* do_wp_page() on a store: reuse the page if nobody else has it, else copy it. */
inline write_protect_fault(page) {
	f = pte_at[PARENT(page)];
	if
	:: !(flags[f] & F_EXCLUSIVE) && (flags[f] & F_SWAPCACHE) && ref[f] <= 2 -> free_swap(f)
	:: else
	fi;
	if
	:: (flags[f] & F_EXCLUSIVE) || ref[f] == 1 ->
		flags[f] = flags[f] | F_EXCLUSIVE;
		pte[PARENT(page)] = pte[PARENT(page)] | DIRTY | WRITE
	:: else ->
		alloc(copy, F_EXCLUSIVE, content[f]);
		unmap_page(PARENT(page), f);
		map_page(PARENT(page), copy, DIRTY | WRITE)
	fi
}

/* do_swap_page() on a store */
inline swap_fault(page) {
	slot = pte_at[PARENT(page)];
	was_exclusive = (pte[PARENT(page)] & SWAP_EXCLUSIVE) != 0;
	if
	:: swap_cached[slot] != 0 ->
		f = swap_cached[slot] - 1;
		ref[f]++
	:: else ->
		alloc(f, F_ACTIVE, swap_content[slot]);
		if
		:: swap_users[slot] > 1 -> add_to_swap_cache(f, slot)
		:: else
		fi
	fi;
	swap_users[slot]--;
	if
	:: (flags[f] & F_SWAPCACHE) && ref[f] == 2 -> free_swap(f)
	:: else
	fi;
	if
	:: was_exclusive || ref[f] == 1 ->
		flags[f] = flags[f] | F_EXCLUSIVE;
		map_page(PARENT(page), f, WRITE | DIRTY)
	:: else ->
		map_page(PARENT(page), f, 0);
		write_protect_fault(page)
	fi
}

/* Makes the parent's entry writable, as a store or FOLL_WRITE needs it. */
inline fault(page) {
	if
	:: pte[PARENT(page)] & SWAP -> swap_fault(page)
	:: else -> write_protect_fault(page)
	fi
}

/* The process stores to every page. */
inline store(mark) {
	v = 0;
	do
	:: v < P ->
		if
		:: (pte[PARENT(v)] & WRITE) == 0 -> fault(v)
		:: else -> pte[PARENT(v)] = pte[PARENT(v)] | DIRTY
		fi;
		f = pte_at[PARENT(v)];
		content[f] = content[f] | mark;
		v++
	:: else -> break
	od
}

/* copy_page_range() */
inline fork_process() {
	child_alive = true;
	v = 0;
	do
	:: v < P ->
		f = pte_at[PARENT(v)];
		if
		:: pte[PARENT(v)] & SWAP ->
			swap_users[f]++;
			pte[PARENT(v)] = SWAP;
			pte[CHILD(v)] = SWAP;
			pte_at[CHILD(v)] = f
		:: (pte[PARENT(v)] & PRESENT) && (flags[f] & F_EXCLUSIVE) && has_pinned && ref[f] >= BIAS ->
			alloc(copy, F_EXCLUSIVE, content[f]);
			map_page(CHILD(v), copy, pte[PARENT(v)] & (WRITE | DIRTY))
		:: else ->
			flags[f] = flags[f] & ~F_EXCLUSIVE;
			pte[PARENT(v)] = pte[PARENT(v)] & ~WRITE;
			ref[f]++;
			map_page(CHILD(v), f, pte[PARENT(v)] & DIRTY)
		fi;
		v++
	:: else -> break
	od
}

/* try_to_unmap() of one entry of frame f */
inline unmap_to_swap(entry) {
	if
	:: MAPS(entry, f) ->
		if
		:: pte[entry] & DIRTY -> flags[f] = flags[f] | F_DIRTY
		:: else
		fi;
		was_exclusive = (flags[f] & F_EXCLUSIVE) != 0;
		flags[f] = flags[f] & ~F_EXCLUSIVE;
		slot = swap_of[f] - 1;
		swap_users[slot]++;
		mapcount[f]--;
		ref[f]--;
		pte[entry] = (was_exclusive -> SWAP | SWAP_EXCLUSIVE : SWAP);
		pte_at[entry] = slot
	:: else
	fi
}

/* shrink_folio_list() on frame f, which backs page `page` of whoever maps it. */
inline reclaim_folio(page) {
	flags[f] = flags[f] & ~F_REFERENCED;
	if
	:: (flags[f] & F_SWAPCACHE) == 0 && ref[f] < BIAS ->
		slot = 0;
		do
		:: slot < P && (swap_users[slot] != 0 || swap_cached[slot] != 0) -> slot++
		:: else -> break
		od;
		if
		:: slot < P ->
			add_to_swap_cache(f, slot);
			flags[f] = flags[f] | F_DIRTY
		:: else
		fi
	:: else
	fi;
	if
	:: flags[f] & F_SWAPCACHE ->
		unmap_to_swap(PARENT(page));
		unmap_to_swap(CHILD(page));
		if
		:: ref[f] == mapcount[f] + 1 ->
			if
			:: flags[f] & F_DIRTY ->
				swap_content[swap_of[f] - 1] = content[f];
				flags[f] = flags[f] & ~F_DIRTY
			:: else
			fi;
			forget_swap_cache(f);
			put(f, 1)
		:: else
		fi
	:: else
	fi
}

/* What the page tables map first, then what only the swap cache holds. */
inline write_to_swap() {
	e = 0;
	do
	:: e < 2 * P ->
		if
		:: pte[e] & PRESENT ->
			f = pte_at[e];
			v = e % P;
			reclaim_folio(v)
		:: else
		fi;
		e++
	:: else -> break
	od;
	e = 0;
	do
	:: e < P ->
		if
		:: swap_cached[e] != 0 ->
			f = swap_cached[e] - 1;
			/* The page that it backs, or the last one where no entry maps it. */
			v = 0;
			do
			:: v < P - 1 && !MAPS(PARENT(v), f) && !MAPS(CHILD(v), f) -> v++
			:: else -> break
			od;
			reclaim_folio(v)
		:: else
		fi;
		e++
	:: else -> break
	od
}

/* folio_mark_accessed() */
inline mark_accessed(frame) {
	if
	:: (flags[frame] & F_REFERENCED) == 0 -> flags[frame] = flags[frame] | F_REFERENCED
	:: (flags[frame] & F_REFERENCED) && (flags[frame] & F_ACTIVE) == 0 ->
		flags[frame] = (flags[frame] | F_ACTIVE) & ~F_REFERENCED
	:: else
	fi
}

/* get_user_pages_fast() or pin_user_pages_fast() of one page with FOLL_WRITE */
inline acquire(page) {
#ifdef PIN
	has_pinned = true;
	acquired++;
#endif
	if
	:: pte[PARENT(page)] & WRITE ->
		f = pte_at[PARENT(page)];
		flags[f] = flags[f] | F_REFERENCED
	:: else ->
		fault(page);
		f = pte_at[PARENT(page)];
		mark_accessed(f)
	fi;
	ref[f] = ref[f] + GRAB;
	held[page] = f + 1
}

inline release(page) {
#ifdef PIN
	released++;
#endif
	f = held[page] - 1;
	put(f, GRAB)
}

/* What the process would see of the page if the kernel dropped everything that counts as clean. */
inline durable(page) {
	f = pte_at[PARENT(page)];
	if
	:: (pte[PARENT(page)] & PRESENT) ->
		if
		:: (flags[f] & F_SWAPCACHE) && !(flags[f] & F_DIRTY) && !(pte[PARENT(page)] & DIRTY) ->
			kept = swap_content[swap_of[f] - 1]
		:: else -> kept = content[f]
		fi
	:: else ->
		if
		:: swap_cached[f] != 0 && (flags[swap_cached[f] - 1] & F_DIRTY) -> kept = content[swap_cached[f] - 1]
		:: else -> kept = swap_content[f]
		fi
	fi
}

proctype driver() {
	byte step;

end:	do
	:: d_step { step < P -> acquire(step); step++ }
	:: d_step { step >= P && step < 2 * P ->
		f = held[step - P] - 1;
		content[f] = content[f] | WRITTEN(step - P);
		if
		:: child_alive -> since_fork = since_fork | WRITTEN(step - P)
		:: else
		fi;
		step++
	}
	:: d_step { step >= 2 * P && step < 3 * P -> release(step - 2 * P); step++ }
	:: d_step { step == 3 * P ->
		e = 0;
		do
		:: e < P ->
			durable(e);
			assert(kept & WRITTEN(e));
			e++
		:: else -> break
		od;
		done = true;
		step++
	}
	od
}

proctype forking_task() {
	d_step { !done -> fork_process() };
	d_step { !done -> store(STORE(0)) };
end:	false
}

proctype storing_thread(byte mark) {
	d_step { !done -> store(mark) };
end:	false
}

proctype writeback() {
	d_step { !done -> write_to_swap() };
end:	false
}

init {
	atomic {
		e = 0;
		do
		:: e < P ->
			alloc(f, F_EXCLUSIVE, OLD);
			map_page(PARENT(e), f, WRITE | DIRTY);
			e++
		:: else -> break
		od;
		run driver();
		run forking_task();
		run storing_thread(STORE(1));
		run storing_thread(STORE(2));
		run writeback();
		run writeback()
	}
end:	false
}

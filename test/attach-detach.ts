/** One file that leaves a pinned page in an object, and another that puts it: wrong, and only both together show it. */

export const PIN = 'pin_user_pages_fast(a, 1, FOLL_WRITE | FOLL_LONGTERM, &page)';

export const ATTACH = `int attach(struct monitor *m, unsigned long a)
{
	struct page *page;

	if (${PIN} != 1)
		return -EFAULT;
	m->monitor_page = page;
	return 0;
}
`;

export const DETACH = `void detach(struct monitor *m)
{
	if (m->monitor_page)
		put_page(m->monitor_page);
}
`;

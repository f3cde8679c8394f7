/** A function that writes to user pages under a plain reference: GUP201. */
export const BAD = `int fill(unsigned long addr)
{
	struct page *page;
	char *p;
	int ret = get_user_pages_fast(addr, 1, FOLL_WRITE, &page);

	if (ret != 1)
		return -EFAULT;
	p = kmap_local_page(page);
	memset(p, 0, PAGE_SIZE);
	kunmap_local(p);
	set_page_dirty_lock(page);
	put_page(page);
	return 0;
}
`;

# Writes to the folder OUT the style sheets and scripts as a page has them, which is without
# their tabs, and policy.txt: what a page says of them in its head (Content-Security-Policy, level
# 2). Nothing is loaded, and no style sheet or script but ours works, whatever gets into the page.
#
#   cmake -DOUT=FOLDER "-DSTYLES=FILE;..." "-DSCRIPTS=FILE;..." -P prepare.cmake

# Writes them, and their hashes as a list of sources to @out.
function(prepare files out)
	set(sources "")
	foreach(file IN LISTS ${files})
		get_filename_component(name "${file}" NAME)
		file(READ "${file}" text)
		string(REPLACE "\t" "" text "${text}")
		file(WRITE ${OUT}/${name} "${text}")
		hash_source(${OUT}/${name} source)
		string(APPEND sources " ${source}")
	endforeach()
	set(${out} "${sources}" PARENT_SCOPE)
endfunction()

# The hash of a file as the policy wants it: base64 of SHA-256. Three hexadecimal digits are two
# of base64; the 64th stands alone, and its six bits end with two zeros.
function(hash_source file out)
	set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	file(SHA256 "${file}" hex)
	set(text "")
	foreach(at RANGE 0 62 3)
		string(SUBSTRING ${hex} ${at} 3 digits)
		math(EXPR high "0x${digits} / 64")
		math(EXPR low "0x${digits} % 64")
		string(SUBSTRING ${alphabet} ${high} 1 high)
		string(SUBSTRING ${alphabet} ${low} 1 low)
		string(APPEND text ${high}${low})
	endforeach()
	string(SUBSTRING ${hex} 63 1 digits)
	math(EXPR last "0x${digits} * 4")
	string(SUBSTRING ${alphabet} ${last} 1 last)
	set(${out} "'sha256-${text}${last}='" PARENT_SCOPE)
endfunction()

prepare(STYLES styles)
prepare(SCRIPTS scripts)
file(WRITE ${OUT}/policy.txt "default-src 'none'; style-src${styles}; script-src${scripts};"
	" base-uri 'none'; form-action 'none'")
